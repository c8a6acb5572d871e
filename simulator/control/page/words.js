// What the page says, in English and Chinese.

const WORDS = {
  title: ["motorpool simulator", "motorpool 模拟器"],
  station: ["Station {0}", "{0} 所"],
  skip: ["Skip to the cabinets", "跳到钥匙柜"],
  live: ["live", "实时"],
  polling: ["live, by polling", "实时(轮询)"],
  lost: ["not connected", "连接中断"],
  lostLong: [
    "The simulator does not answer. What is shown is what was last known.",
    "模拟器无应答,所示为最后已知状态。",
  ],
  unauthorized: [
    "This simulator needs its token: open this page as {0}#token=…",
    "需要访问令牌:请以 {0}#token=… 打开本页",
  ],
  elapsed: ["since start", "已运行"],
  pass: ["let pass", "快进"],
  minute: ["1 min", "1 分钟"],
  hour: ["1 h", "1 小时"],
  shift: ["8 h", "8 小时"],
  passed: ["{0} went by", "已过去 {0}"],
  cabinets: ["Key cabinets", "智能钥匙柜"],
  cabinet: ["Cabinet {0}", "{0} 柜"],
  "door locked": ["door locked", "柜门已上锁"],
  "door shut": ["door shut, not locked", "柜门关着,未上锁"],
  "door open": ["door open", "柜门开着"],
  "no door": ["no door", "无柜门"],
  openDoor: ["Open door", "开柜门"],
  shutDoor: ["Shut door", "关柜门"],
  forceDoor: ["Force door", "强行开门"],
  cutMains: ["Cut mains", "断市电"],
  restoreMains: ["Restore mains", "恢复市电"],
  onBattery: ["on battery", "电池供电"],
  empty: ["empty", "空"],
  present: ["present", "在位"],
  locked: ["locked", "已上锁"],
  unlocked: ["unlocked", "已开锁"],
  doorOnly: ["kept by the door alone", "仅由柜门锁住"],
  lampOn: ["lamp on", "指示灯亮"],
  lampOff: ["lamp off", "指示灯灭"],
  choose: ["Choose a slot to act on it.", "选择一个钥匙位进行操作。"],
  pull: ["Pull set", "取钥匙"],
  override: ["Take with override key", "机械应急取出"],
  put: ["Put set", "放入钥匙"],
  putOverride: ["Put with override key", "机械应急放入"],
  setToPut: ["Set to put here", "要放入的钥匙串"],
  noneOut: ["every set hangs in a cabinet", "所有钥匙串均在柜中"],
  jam: ["Jam", "使锁舌卡滞"],
  free: ["Free", "解除卡滞"],
  boards: ["Lock boards", "锁控板"],
  address: ["address {0}", "地址 {0}"],
  unpowered: ["no supply", "断电"],
  off: ["Switch off", "断电"],
  on: ["Switch on", "上电"],
  out: ["Key sets out", "未在柜的钥匙串"],
  noneOutLong: ["Every key set hangs in a cabinet.", "所有钥匙串均在柜中。"],
  cars: ["Cars", "车辆"],
  engine: ["Engine", "发动机"],
  inRange: ["In range", "在范围内"],
  noTerminal: ["no terminal", "无车载终端"],
  terminal: ["terminal {0}", "终端 {0}"],
  odometer: ["odometer", "里程"],
  fuel: ["fuel", "油量"],
  battery: ["battery", "蓄电池"],
  noCodes: ["no trouble codes", "无故障码"],
  pending: ["pending", "待定"],
  km: ["km", "公里"],
  kmToDrive: ["Kilometres for {0}", "{0} 行驶公里数"],
  drive: ["Drive", "行驶"],
  code: ["Trouble code for {0}", "{0} 故障码"],
  setCode: ["Set code", "置故障码"],
  clearCodes: ["Clear codes", "清故障码"],
  lines: ["Lines", "线路"],
  requests: ["requests: {0}, replies: {1}", "请求 {0},应答 {1}"],
  cut: ["Cut", "断开"],
  restore: ["Restore", "恢复"],
  isCut: ["cut", "已断开"],
  faults: ["Faults", "故障"],
  faultKind: ["Kind", "类型"],
  faultTarget: ["At", "对象"],
  faultFor: ["For, s", "持续秒数"],
  untilCleared: ["until cleared", "直至清除"],
  inject: ["Inject", "注入"],
  clear: ["Clear", "清除"],
  noFaults: ["Nothing is wrong.", "一切正常。"],
  met: ["met {0}×", "显现 {0} 次"],
  notMet: ["not met yet", "尚未显现"],
  log: ["What happened", "发生了什么"],
  noLog: ["Nothing yet.", "暂无记录。"],
  openapi: ["HTTP API", "HTTP 接口"],
  failed: ["Not possible: {0}", "无法做到:{0}"],
  "layer slot": ["Slots", "钥匙位"],
  "layer sensor": ["Sensors", "传感器"],
  "layer door": ["Doors", "柜门"],
  "layer power": ["Supply", "供电"],
  "layer board": ["Lock boards", "锁控板"],
  "layer line": ["Lines", "线路"],
  "layer tcp": ["Network", "网络"],
  "layer radio": ["Radio", "无线"],
  "layer adapter": ["Adapters", "适配器"],
  "layer car": ["Cars", "车辆"],
  "class patrol": ["patrol", "巡逻车"],
  "class van": ["van", "面包车"],
};

export const LANGUAGES = { en: "English", "zh-CN": "中文" };

function stored() {
  try {
    return localStorage.getItem("language");
  } catch {
    return null; // storage is switched off
  }
}

let language = stored() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en");

export const current = () => language;

export function speak(wanted) {
  language = wanted;
  try {
    localStorage.setItem("language", wanted);
  } catch {
    // the choice holds until the page is closed
  }
}

/** The words for `key`, with {0}, {1} filled in; a key without words is shown as it is. */
export function t(key, ...values) {
  const words = WORDS[key];
  const text = words ? words[language === "en" ? 0 : 1] : key.slice(key.indexOf(" ") + 1);
  return text.replace(/\{(\d)\}/g, (_, at) => values[Number(at)]);
}

/** One of the texts that the server gives in both languages. */
export const said = (texts) => texts[language] ?? texts.en ?? "";
