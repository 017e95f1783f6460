"""Words of everyday speech, and the words that statutes, contracts and reports use for the same thing.

A table of usage, not of answers: an entry names what people call a thing and what it is called in
writing. It is read for questions alone (nothing of it is indexed), in simplified characters, and what it
adds counts less than what was asked. With `=` the word itself
means something else in writing, and is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TABLE = """
=东西 财物 物品
老板|雇主 用人单位
员工|职员|打工[人者]|工人 劳动者 职工
辞职|离职|跳槽 解除劳动合同
辞退|开除|解雇|炒鱿鱼 解除劳动合同
裁员 裁减人员
工资|薪水|薪资|工钱 劳动报酬 工资报酬
加班 延长工作时间
节假日 法定休假日
双倍|两倍 二倍
入职|上岗 用工之日 建立劳动关系
签(?![证名字署章]) 订立
欠薪|讨薪|拖欠工资 劳动报酬 拖欠工资 逃避支付
社保 社会保险
公积金 住房公积金
医保 基本医疗保险
养老金|退休金 基本养老金
失业金 失业保险金
年假 年休假
病假 医疗期
生孩子|生小孩|生娃 生育 产假
孕妇 怀孕 孕期
怀孕 孕期
偷(?![税渡漏拍窥]) 盗窃
偷税|逃税|漏税 逃避缴纳税款
抢(?![劫夺救修险注占]) 抢劫 抢夺
骗(?!取) 诈骗 欺诈
杀人|杀死 故意杀人
打人|打架|打伤|打了|揍 殴打 伤害
酒驾|酒后开车|喝酒开车|酒后驾车 饮酒 酒后驾驶
醉驾|醉酒开车|醉酒驾车 醉酒驾驶
开车|驾车 驾驶机动车
汽车|轿车 机动车
驾照 驾驶证
车祸|撞[人死伤车] 交通事故 肇事
逃跑|逃走|跑了 逃逸
闯红灯 交通信号
贩毒 贩卖毒品
家暴 家庭暴力
出轨|小三|婚外情 与他人同居
老婆|妻子|太太 配偶 女方
老公|丈夫 配偶 男方
小孩|孩子|娃 未成年人 子女 儿童 无民事行为能力人
别人|人家|对方 他人
家长|爸妈|爸爸|妈妈 父母 监护人
爷爷|奶奶 祖父母
外公|外婆|姥姥|姥爷 外祖父母
哥哥|姐姐|弟弟|妹妹 兄弟姐妹
亲戚 亲属 血亲
家里人|家人 家庭成员 近亲属
冷静期 撤回
期限 期间
强制执行 申请执行
人数 成员
(?<![买专倒拍贩])卖(?![淫弄身]) 出卖 出售 转让
受伤|弄伤 损害 伤害
抚养权|归谁抚养|判给谁 直接抚养
去世|过世|死后|死了 死亡
分财产|分割财产 共同财产
借钱|借条|欠条 借款
欠钱 债务
还钱|还款 返还借款 清偿
高利贷 高利放贷
担保人 保证人
房东 出租人
租客|房客|租户 承租人
租房|租的房 租赁 租赁物
租约 租赁合同
租期 租赁期限
房租 租金
房产证 不动产权属证书
过户 转移登记
买房|房子 房屋
小区 建筑区划 业主
物业公司|物业 物业服务
邻居 相邻
噪音 噪声
拆迁 征收 补偿
捡到|拾到|捡了|捡的 拾得 遗失物
丢的东西|失物 遗失物
送出|送给|送人|送的 赠与
狗|宠物 动物 饲养
咬 伤害 损害
扔东西|抛物|乱扔 抛掷物品
掉下来 坠落
赔(?![偿]) 赔偿
退钱 退款 返还
网购|网上买|网上购物 网络 电子商务
商家|店家|卖家|超市|商店 经营者 销售者
买家|顾客 消费者
假货 假冒 欺诈
过期食品|食物 食品
医院|医生 医疗机构 医务人员
看病 诊疗
病人 患者
照片 肖像
造谣|骂人|辱骂 侮辱 诽谤
偷拍|偷窥 隐私
精神损失|抚慰金 精神损害
打官司|告他|告上法[院庭] 起诉 诉讼
保释 取保候审
关起来|关押|关多久 羁押 拘禁
被抓 拘留 逮捕
坐牢|蹲监狱 有期徒刑
警察|派出所 公安机关
法院 人民法院
罚钱 罚款
开公司|注册公司 设立公司
法人代表 法定代表人
倒闭 破产
开会 召开
保险公司 保险人
版权 著作权
盗版 侵权复制品
抄袭 剽窃
网吧 互联网上网服务营业场所
上学|上小学|读小学 入学 义务教育
老师 教师
交税|缴税 纳税 缴纳
个税 个人所得税
起征点 减除费用
救人 救助
见义勇为 保护他人民事权益 救助
消防通道 疏散通道 消防车通道
着火|失火|起火 火灾
鞭炮|烟花 烟花爆竹
人贩子|拐走 拐卖
性侵 强奸 性侵害
咸猪手 猥亵 性骚扰
勒索 敲诈勒索
自卫 正当防卫
刷单 虚构交易
集资 非法集资
每天|一天 每日
未满|没满 不满
没签 未订立
不给钱|不付钱|不给工资 拒不支付 不支付
发工资 支付工资 工资支付
扣工资 扣除
上班 工作
老人 老年人
丢了|弄丢 遗失 丢失
审完|结案|审结 审结 审理
领证|结婚证 结婚登记
离婚证 离婚登记
分红 分配利润
股份 股权
无证驾驶 未取得机动车驾驶证
超速 超过规定时速
超载 超过核定
车牌 机动车号牌
电动车 非机动车 电动自行车
斑马线 人行横道
扣分 记分
造假|做假 伪造 变造
假币 伪造货币 伪造的货币
谣言 虚假信息
干兼职|兼职 非全日制用工
代通知金 额外支付
婚姻法 婚姻家庭编
继承法 继承编
物权法 物权编
侵权法|侵权责任法 侵权责任编
"""
_USAGE = tuple(
    (re.compile(said.removeprefix("=")), tuple(written), said.startswith("="))
    for said, *written in (line.split() for line in _TABLE.strip().splitlines())
)
# Which entries a character may begin: of 150, a question needs to be searched for few.
_FIRST = re.compile(r"(?:^|\|)(?:\(\?<!\[[^\]]*\]\))?(.)")
_BEGUN_BY: dict[str, list[int]] = {}
for _entry, _used in enumerate(_USAGE):
    for _character in dict.fromkeys(_FIRST.findall(_used[0].pattern)):
        _BEGUN_BY.setdefault(_character, []).append(_entry)


def written_for(core: str) -> Iterator[tuple[int, int, tuple[str, ...], bool]]:
    """(start, end, words, instead) for each word of everyday speech in a folded question; `instead` says that
    the word itself is not to be looked for."""
    for entry in sorted({entry for c in core if c in _BEGUN_BY for entry in _BEGUN_BY[c]}):
        pattern, called, instead = _USAGE[entry]
        for match in pattern.finditer(core):
            yield *match.span(), called, instead
