// Every word of the page, in both languages.

const WORDS = {
  en: {
    title: "Carrier simulator", skip: "Skip to traffic", theme: "Light or dark", steer: "Steer", views: "Views", detail: "PDU",
    carrier: "Carrier", mo: "Write as a subscriber (MO)", links: "Connections", traffic: "Traffic", messages: "Messages",
    settings: "Settings", run: "Run",
    connected: "connected", disconnected: "the simulator does not answer", closed_stream: "no live traffic; trying again",
    bound: "{0} bound", port: "port {0}", submits: "messages", accepted: "accepted", refused: "refused", receipts: "receipts",
    waiting: "waiting", mos: "MO", binds: "binds", drops: "dropped links",
    from: "From", to: "To", sender: "From", recipient: "To", text: "Text", account: "Account", any_account: "the first that can receive", send: "Send",
    sample: "Fill in", sample_short: "TD", sample_chinese: "Chinese", sample_emoji: "Emoji", sample_long: "Long",
    characters: "{0} characters, {1}", segments_1: "1 SMS", segments_n: "{0} SMS", sent: "Sent: {0} deliver_sm.",
    no_links: "Nobody is connected. Applications connect to {0}.", heard: "{0} s ago", silent: "half open", unbound: "not bound",
    open_in: "{0} to answer", open_out: "{0} unanswered",
    drop: "Drop", half_open: "Half open", pause: "Pause", resume: "Resume", unbind: "Unbind", all: "All connections",
    refuse_binds: "Refuse binds", take_binds: "Take binds again", malformed: "Send malformed PDU", flood: "Flood",
    more: "More faults", done_to: "Done: {0} connections.", flood_kind: "What", flood_count: "How many", raw: "Raw octets (hex)",
    send_raw: "Send octets",
    filter: "Filter", filter_hint: "number, text, command, account…", hide_enquire: "without enquire_link",
    live: "Live", hold: "Pause", go_on: "Go on", clear: "Clear", new_held: "{0} new", rows_kept: "the last {0} are kept",
    dropped: "{0} came too fast to be shown", nothing_yet: "No traffic yet. Bind an application to port {0}, or write as a subscriber.",
    nothing_found: "Nothing matches the filter.",
    time: "Time", link: "Link", command: "Command", status: "Status", from_to: "From → to", id: "Id", in: "received", out: "sent",
    opened: "connection opened", closed: "connection closed",
    close: "Close", fields: "Fields", tlvs: "TLVs", udh: "User data header", octets: "Octets", error: "Malformed", receipt: "Receipt",
    copy: "Copy hex", copied: "Copied", send_receipt: "Send a receipt", state: "State", style: "Style", usual: "as usual",
    other_bind: "on another bind", receipt_sent: "Receipt sent.", message_id: "Message id", no_id: "The message has no id yet.",
    kinds: "Kind", all_kinds: "everything", submit: "messages", mo_kind: "MO", receipt_kind: "receipts", bind_kind: "binds",
    find: "Search", pattern_hint: "138* or /regex/", found: "{0} found", shown_last: "the last {0} are shown",
    apply: "Apply changes", undo: "Undo", changed: "{0} changed", applied: "Settings changed.", no_changes: "nothing changed",
    settings_hint: "What was decided for messages that came before stays as it is.", search_settings: "Find a setting",
    expectations: "Expectations", no_expectations: "The scenario expects nothing, or none is played.", ok: "ok", failed: "failed",
    open: "open", expected: "expected", found_: "found", phases: "Phases now", no_phases: "none",
    recordings: "Recordings", file: "File", record: "Record", stop: "Stop", recording: "recording", ended: "ended", download: "Download",
    whole: "The whole run", reset: "Reset", reset_hint: "Forgets counts and messages, begins the time line anew; settings stay.",
    reset_done: "Everything counts from 0.", snapshot: "Save snapshot", restore: "Restore snapshot", restored: "Restored: {0}.",
    ledger: "Ledger", api: "HTTP API",
    clock: "Business time", real: "real time", stopped: "stands still", rate_n: "{0}× real time", set: "Set", set_time: "Set the time",
    advance: "Ahead", minutes: "min", hours: "h", days: "d", speed: "Speed", moved: "It is {0} now.", drives: "moves {0} along",
  },
  zh: {
    title: "运营商模拟器", skip: "跳到流量", theme: "浅色或深色", steer: "操作", views: "视图", detail: "PDU",
    carrier: "运营商", mo: "模拟用户上行（MO）", links: "连接", traffic: "流量", messages: "消息", settings: "设置", run: "运行",
    connected: "已连接", disconnected: "模拟器没有响应", closed_stream: "实时流量已断开，正在重试",
    bound: "{0} 个绑定", port: "端口 {0}", submits: "消息", accepted: "已接受", refused: "已拒绝", receipts: "状态报告", waiting: "等待中",
    mos: "上行", binds: "绑定", drops: "断开的连接",
    from: "用户号码", to: "接入号", sender: "发送方", recipient: "接收方", text: "内容", account: "账号", any_account: "第一个可接收的账号", send: "发送",
    sample: "示例", sample_short: "TD", sample_chinese: "中文", sample_emoji: "表情", sample_long: "长短信",
    characters: "{0} 个字符，{1}", segments_1: "1 条短信", segments_n: "{0} 条短信", sent: "已发送 {0} 个 deliver_sm。",
    no_links: "目前没有连接。应用请连接到 {0}。", heard: "{0} 秒前", silent: "半开", unbound: "未绑定",
    open_in: "{0} 个待应答", open_out: "{0} 个未应答",
    drop: "断开", half_open: "半开", pause: "暂停", resume: "恢复", unbind: "解绑", all: "所有连接",
    refuse_binds: "拒绝绑定", take_binds: "重新接受绑定", malformed: "发送畸形 PDU", flood: "洪泛",
    more: "更多故障", done_to: "完成：{0} 个连接。", flood_kind: "种类", flood_count: "数量", raw: "原始字节（十六进制）", send_raw: "发送字节",
    filter: "筛选", filter_hint: "号码、内容、命令、账号…", hide_enquire: "隐藏 enquire_link",
    live: "实时", hold: "暂停", go_on: "继续", clear: "清空", new_held: "{0} 条新", rows_kept: "保留最近 {0} 条",
    dropped: "有 {0} 条来得太快，未显示", nothing_yet: "还没有流量。请将应用绑定到端口 {0}，或发送一条上行短信。", nothing_found: "没有符合筛选条件的记录。",
    time: "时间", link: "连接", command: "命令", status: "状态", from_to: "发送 → 接收", id: "编号", in: "收到", out: "发出",
    opened: "连接已建立", closed: "连接已关闭",
    close: "关闭", fields: "字段", tlvs: "TLV", udh: "用户数据头", octets: "字节", error: "畸形", receipt: "状态报告",
    copy: "复制十六进制", copied: "已复制", send_receipt: "发送状态报告", state: "状态", style: "格式", usual: "默认", other_bind: "从另一个绑定发送",
    receipt_sent: "状态报告已发送。", message_id: "消息编号", no_id: "该消息还没有编号。",
    kinds: "类型", all_kinds: "全部", submit: "下行消息", mo_kind: "上行", receipt_kind: "状态报告", bind_kind: "绑定",
    find: "查找", pattern_hint: "138* 或 /正则/", found: "找到 {0} 条", shown_last: "显示最近 {0} 条",
    apply: "应用修改", undo: "撤销", changed: "{0} 项已修改", applied: "设置已修改。", no_changes: "没有修改",
    settings_hint: "此前收到的消息按原来的决定处理。", search_settings: "查找设置",
    expectations: "预期", no_expectations: "当前场景没有预期，或没有运行场景。", ok: "符合", failed: "不符合", open: "未定", expected: "预期", found_: "实际",
    phases: "当前阶段", no_phases: "无",
    recordings: "录制", file: "文件", record: "开始录制", stop: "停止", recording: "录制中", ended: "已结束", download: "下载",
    whole: "整个运行", reset: "重置", reset_hint: "清除计数和消息，时间线重新开始；设置保留。", reset_done: "已从零开始计数。",
    snapshot: "保存快照", restore: "恢复快照", restored: "已恢复：{0}。", ledger: "台账", api: "HTTP 接口",
    clock: "业务时间", real: "真实时间", stopped: "静止", rate_n: "{0} 倍速", set: "设置", set_time: "设置时间",
    advance: "快进", minutes: "分钟", hours: "小时", days: "天", speed: "速度", moved: "现在是 {0}。", drives: "同时推动 {0}",
  },
};

let language = "en";
export const listeners = [];

export function t(key, ...values) {
  const word = WORDS[language][key] ?? WORDS.en[key] ?? key;
  return word.replace(/\{(\d)\}/g, (_, index) => String(values[index]));
}

export const currentLanguage = () => language;

export function setLanguage(chosen) {
  language = chosen in WORDS ? chosen : "en";
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = t("title");
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", t(element.dataset.tLabel));
  for (const listener of listeners) listener();
}

// An element whose text follows the language.
export function word(element, key) {
  element.dataset.t = key;
  element.textContent = t(key);
  return element;
}
