#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes synthetic people as JSON lines, the same ones every time: make_people.py [COUNT] > people.jsonl

Nobody here exists. Telephone numbers and identity numbers come from ranges that are kept free for fiction and tests:
+1 555 01xx numbers, and social security numbers that begin with 9 and are never given out.
"""
import json
import sys

NAMES = [  # (given names, family names, country, cities, street pattern)
    ("US", ["Alice", "Robert", "Maria", "James", "Zoë"], ["Nguyen", "O'Brien", "Smith-Jones", "Garcia", "Lee"],
     ["Springfield", "Riverside", "Fairview"], "{n} Oak Street"),
    ("FR", ["Chloé", "François", "Anaïs", "Gaël", "Noémie"], ["Lefèvre", "Dubois", "Béranger", "d'Aubigné", "Noël"],
     ["Orléans", "Besançon", "Nîmes"], "{n} rue des Érables"),
    ("DE", ["Jürgen", "Käthe", "Sören", "Björn", "Ursula"], ["Müller", "Groß", "Weiß", "Schröder", "von der Heide"],
     ["Köln", "Düsseldorf", "Gießen"], "Lindenstraße {n}"),
    ("PL", ["Łukasz", "Zofia", "Michał", "Żaneta", "Paweł"], ["Wiśniewski", "Dąbrowska", "Święcki", "Błaszczyk", "Żak"],
     ["Łódź", "Kraków", "Gdańsk"], "ul. Kwiatowa {n}"),
    ("GR", ["Ελένη", "Γιώργος", "Αικατερίνη", "Νίκος", "Σοφία"], ["Παπαδοπούλου", "Οικονόμου", "Γεωργίου", "Αλεξίου", "Μακρής"],
     ["Αθήνα", "Πάτρα", "Λάρισα"], "Οδός Ελιάς {n}"),
    ("UA", ["Оксана", "Андрій", "Їжакевич", "Наталія", "Євген"], ["Шевченко", "Коваленко", "Ґудзь", "Мельник", "Бондар"],
     ["Київ", "Львів", "Одеса"], "вул. Садова, {n}"),
    ("GE", ["ნინო", "გიორგი", "თამარ", "ლევან", "მარიამ"], ["ბერიძე", "კაპანაძე", "გელაშვილი", "მაისურაძე", "წიკლაური"],
     ["თბილისი", "ქუთაისი", "ბათუმი"], "ვაზის ქუჩა {n}"),
    ("AM", ["Անահիտ", "Արամ", "Նարե", "Տիգրան", "Լուսինե"], ["Հարությունյան", "Սարգսյան", "Պետրոսյան", "Գրիգորյան", "Մկրտչյան"],
     ["Երևան", "Գյումրի", "Վանաձոր"], "Ծաղկաձորի փող. {n}"),
    ("IL", ["נועה", "דוד", "יעל", "משה", "תמר"], ["כהן", "לוי", "בן־דוד", "מזרחי", "פרץ"],
     ["חיפה", "ירושלים", "אילת"], "רחוב הזית {n}"),
    ("EG", ["فاطمة", "محمد", "نور", "يوسف", "ليلى"], ["حسن", "عبد الله", "المصري", "إبراهيم", "منصور"],
     ["القاهرة", "الإسكندرية", "أسوان"], "شارع النخيل {n}"),
    ("IN", ["प्रिया", "अर्जुन", "लक्ष्मी", "राहुल", "ऋषि"], ["शर्मा", "गुप्ता", "श्रीवास्तव", "सिंह", "त्रिपाठी"],
     ["दिल्ली", "वाराणसी", "जयपुर"], "{n} कमल मार्ग"),
    ("BD", ["রহিমা", "তানভীর", "শ্রেয়া", "অনির্বাণ", "মৌসুমী"], ["চৌধুরী", "ইসলাম", "ভট্টাচার্য", "দাস", "রহমান"],
     ["ঢাকা", "খুলনা", "সিলেট"], "{n} শাপলা রোড"),
    ("TH", ["สมชาย", "มาลี", "ณัฐพล", "กัญญา", "ปิยะ"], ["ใจดี", "ศรีสุข", "วงศ์สวัสดิ์", "ทองคำ", "บุญมา"],
     ["กรุงเทพ", "เชียงใหม่", "ภูเก็ต"], "{n} ถนนดอกไม้"),
    ("JP", ["さくら", "健太", "美咲", "翔", "ゆうこ"], ["田中", "佐藤", "髙橋", "渡邉", "鈴木"],
     ["東京", "京都", "札幌"], "桜通り{n}番地"),
    ("KR", ["민준", "서연", "지우", "하늘", "도윤"], ["김", "이", "박", "최", "남궁"],
     ["서울", "부산", "제주"], "무궁화로 {n}"),
    ("TW", ["雅婷", "志明", "𠮷雄", "淑芬", "冠宇"], ["陳", "林", "黃", "張簡", "歐陽"],
     ["臺北", "高雄", "花蓮"], "中山路{n}號"),
    ("ET", ["አበበ", "ሰላም", "ዮናስ", "ሄለን", "ታደሰ"], ["ከበደ", "ተስፋዬ", "ገብረ", "አለሙ", "ወልደ"],
     ["አዲስ አበባ", "ጎንደር", "ባሕር ዳር"], "የአበባ መንገድ {n}"),
    ("LK", ["නිමල්", "කුමාරි", "සුනිල්", "දිල්හානි", "රුවන්"], ["පෙරේරා", "සිල්වා", "ජයවර්ධන", "බණ්ඩාර", "ද මෙල්"],
     ["කොළඹ", "මහනුවර", "ගාල්ල"], "{n} නෙළුම් පාර"),
    ("VN", ["Nguyệt", "Đức", "Thảo", "Quốc", "Hường"], ["Nguyễn", "Trần", "Phạm", "Đặng", "Vũ"],
     ["Hà Nội", "Đà Nẵng", "Huế"], "{n} đường Hoa Sen"),
    ("NG", ["Ọlábísí", "Chidi", "Ńkechi", "Ṣadé", "Emeka"], ["Adéyẹmí", "Okonkwo", "Ọjọ́", "Bello", "Eze"],
     ["Lagos", "Ìbàdàn", "Enugu"], "{n} Palm Road"),
]


class Numbers:
    """A small generator of its own (xorshift), so that no release of Python changes the people."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        x = self.state
        x ^= (x << 13) & 0xFFFFFFFFFFFFFFFF
        x ^= x >> 7
        x ^= (x << 17) & 0xFFFFFFFFFFFFFFFF
        self.state = x
        return (x >> 16) % n

    def pick(self, items):
        return items[self.below(len(items))]


def person(i, r):
    country, given, family, cities, street = r.pick(NAMES)
    p = {
        "first_name": r.pick(given),
        "last_name": r.pick(family),
        "email": f"person{i:04d}@example.org",
        "phone_number": f"+1{200 + r.below(800)}55501{r.below(100):02d}",
        "dob": f"{1930 + r.below(78)}-{1 + r.below(12):02d}-{1 + r.below(28):02d}",
        "address1": street.format(n=1 + r.below(300)),
        "city": r.pick(cities),
        "postal_code": f"{r.below(90000) + 10000}",
        "country": country,
        "ssn9": f"9{r.below(100000000):08d}",
    }
    if r.below(3) == 0:
        p["middle_name"] = r.pick(given)
    if r.below(4) == 0:
        p["address2"] = f"{r.below(40)} / {r.below(200)}"
    if country == "US":
        p["state"] = r.pick(["CA", "NY", "TX", "WA", "OH"])
    return p


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    r = Numbers(0x9E3779B97F4A7C15)
    for i in range(count):
        print(json.dumps(person(i, r), ensure_ascii=False, separators=(",", ":")))


main()
