// Where each province has its tile, roughly as on the map: name, letters, row, column;
// `brief` are its letters by GB/T 2260, for where there is no room.

const ROWS = [
  "......黑龙江:heilongjiang:HL",
  "....内蒙古:neimenggu:NM..吉林:jilin:JL",
  "新疆:xinjiang:XJ.甘肃:gansu:GS.宁夏:ningxia:NX.山西:shanxi:SX.北京:beijing:BJ.天津:tianjin:TJ.辽宁:liaoning:LN",
  ".青海:qinghai:QH.陕西:shaanxi:SN.河南:henan:HA.河北:hebei:HE.山东:shandong:SD",
  "西藏:xizang:XZ.四川:sichuan:SC.重庆:chongqing:CQ.湖北:hubei:HB.安徽:anhui:AH.江苏:jiangsu:JS.上海:shanghai:SH",
  ".云南:yunnan:YN.贵州:guizhou:GZ.湖南:hunan:HN.江西:jiangxi:JX.浙江:zhejiang:ZJ",
  "..广西:guangxi:GX.广东:guangdong:GD.福建:fujian:FJ..台湾:taiwan:TW",
  "..海南:hainan:HI.澳门:macao:MO.香港:hongkong:HK",
];
export const TILES = ROWS.flatMap((row, index) => row.split(".").map((each, column) => [each, column]).filter(([each]) => each)
  .map(([each, column]) => ({ name: each.split(":")[0], letters: each.split(":")[1], brief: each.split(":")[2], row: index, column })));

// The best first. A share at or above `from` has this class; no share has none.
export const CLASSES = [{ name: "r1", from: 0.98 }, { name: "r2", from: 0.95 }, { name: "r3", from: 0.9 }, { name: "r4", from: 0.8 }, { name: "r5", from: 0 }];
export const classOf = (share) => (share === null || share === undefined ? "r0" : CLASSES.find((each) => share >= each.from).name);

// The tile that an arrow key leads to from another one: the nearest in that direction, a straight way before a bent one.
export function nextTile(from, key) {
  const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key] || [0, 0];
  const far = (each) => {
    const rows = each.row - from.row;
    const columns = each.column - from.column;
    const ahead = rows * down + columns * right;
    return ahead > 0 ? ahead + 3 * Math.abs(rows * right + columns * down) : Infinity;
  };
  const best = TILES.reduce((found, each) => (far(each) < far(found) ? each : found), from);
  return far(best) === Infinity ? from : best;
}
