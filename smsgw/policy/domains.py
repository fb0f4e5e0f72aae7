"""Top-level domains, a table only: by how much they look like words of a sentence.

Of IANA's list (https://data.iana.org/TLD/tlds-alpha-by-domain.txt) all countries, and of the others those that are in
use in messages. A link with a scheme, www or a path needs none of these.
"""

from __future__ import annotations

from typing import Final


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


CORE: Final = _set("com cn net org cc xyz top info biz icu hk tw ltd wang ly gl gd sh")
"""No word of any sentence: found behind any kind of dot."""

GENERIC: Final = _set(
    "edu gov mil int mobi asia name tel pro aero coop jobs travel museum post cat arpa vip shop club link site "
    "online store tech ink red live fun work group art plus space press website today cloud app dev page win bid "
    "loan date men party review science trade download stream accountant cricket faith racing webcam click pub world "
    "team life fit zone run email company video beer luxe love game games news show cool city chat blog wiki design "
    "social center market markets money finance bank credit loans fund tax law shopping sale deals gift gifts cash "
    "casino bet poker bingo porn sex sexy adult xxx dating singles cam tube ren host hosting domains network systems "
    "support services solutions agency media studio photo photos pics pictures gallery guru expert education school "
    "academy college university institute training health care clinic hospital doctor dental fitness yoga food "
    "restaurant cafe coffee bar pizza wine vodka kitchen recipes farm garden green eco bio organic energy solar auto "
    "cars car bike taxi limo flights hotel hotels tours holiday vacations cruises rent rentals house homes land "
    "estate properties apartments condos construction builders tools parts supply supplies industries engineering "
    "enterprises international global africa london paris berlin nyc tokyo moscow miami vegas quebec scot wales "
    "amsterdam fashion clothing shoes jewelry diamonds boutique style beauty makeup hair salon spa toys kids baby "
    "family xin yun wanglou gdn moe kim lol wtf ooo buzz monster quest rest bond cyou sbs cfd skin boats autos "
    "motorcycles yachts lat my id one best uno icu day new foo how soy meme esq phd prof dad mov zip nexus ing "
    "google youtube apple amazon microsoft baidu weibo taobao tmall alibaba alipay unicom citic sina sohu"
)

COUNTRIES: Final = _set(
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cd "
    "cf cg ch ci ck cl cm co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga ge gf "
    "gg gh gi gm gn gp gq gr gs gt gu gw gy hm hn hr ht hu ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn "
    "kp kr kw ky kz la lb lc li lk lr ls lt lu lv ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz "
    "na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd "
    "se sg si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tz ua ug uk us uy uz "
    "va vc ve vg vi vn vu wf ws ye yt za zm zw"
)

HAN: Final = _set(
    "中国 公司 网络 网址 网站 集团 我爱你 商城 商店 商标 在线 中文网 手机 移动 信息 游戏 娱乐 购物 企业 世界 健康 "
    "餐厅 招聘 香港 台湾 澳门 政务 公益 慈善 时尚 佛山 广东 网店 新闻 食品 书籍 酒店 联通 点看 八卦 一号店 微博 "
    "淡马锡 机构 组织机构 政府 新加坡 联合国"
)

LATIN: Final = CORE | GENERIC | COUNTRIES

PROSE: Final = _set(
    "am app art as at bank be best by cash club date day do email game gift group how id in is it la life live love "
    "me my name new news no one page plus post pro red run sale shop show so team to today tv us vip work"
)
"""Words that an English sentence may begin with, right behind the full stop of another."""
