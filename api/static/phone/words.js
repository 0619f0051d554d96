// What is not a page's own: names of roles, tiers and states, and the privacy notice.

export const ROLES = { secretary: "书记", editor: "党建工作部", unit_head: "专委会主任", observer: "上级党委" };
export const TIERS = { leader: "领导干部", expert: "专家学者", exemplar: "先进人物", peer: "会员" };
export const KINDS = { single: "单选题", multiple: "多选题", true_false: "判断题", blank: "填空题" };

// Status of a task on the calendar: the sign on the day, and the word that says it.
export const STATES = {
  upcoming: ["", "未开始"],
  open: ["○", "今日待学"],
  done: ["✓", "按时完成"],
  makeup: ["补", "已补卡"],
  missed: ["缺", "未学"],
  excused: ["假", "请假"],
  recorded: ["代", "代录"],
};

export const NOTICE = [
  ["谁来处理", "您所在的党支部，用本程序记录学习情况。"],
  [
    "处理什么",
    "名册中的姓名、手机号（如有，加密保存）、专委会、类别、身份；微信给本程序的一个编号（openid），不读取微信昵称和头像；" +
      "您读过的段落、每次作答、打卡时间、登录时间和设备类型、请假及理由、写下的心得体会和意见。不收集身份证号、住址和位置。",
  ],
  ["为什么", "核对实名名册，安排每日学习，计算完成情况与覆盖率。打卡是学习记录，不排名，不计分，不计时长。"],
  [
    "谁能看到",
    "本人看到自己的全部记录；书记和党建工作部看到本支部的名册与完成情况；专委会主任只看本专委会；上级党委只看汇总数字。请假理由和意见只有书记和本人能看到；心得体会未经审核同意不向他人展示。",
  ],
  ["交给谁", "登录时向微信换取登录凭证；选择用手机号绑定时向微信核验手机号。此外不向其他单位提供。"],
  [
    "保存多久",
    "在册期间保存。撤回同意或离开支部后，姓名、手机号、微信绑定、心得体会、意见和请假说明被清除，学习记录改用代号保留，以使已有统计不变。",
  ],
  ["您的权利", "可随时在“我的”中导出全部数据、提出意见、撤回同意。党员身份和学习情况属于需要单独同意的个人信息；不同意也可以查看任务，但不能打卡。"],
];
