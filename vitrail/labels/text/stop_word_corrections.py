"""What the lists of the library hold that names something to be seen, and what they lack.

The lists are compiled for search, where "fire" and "old" may go; a picture is of a fire, and of an old man. Numerals
of English are kept for phrases such as "two hearts".
"""

__all__ = ["ADDED", "NAMES"]

NAMES = {
    "en": (
        "back backs big bill bottom call case cases clear click computer copy cry date dear early eight eighty "
        "eleven empty end face faces fifteen fifth fifty fill fire first five fix forty four free front full "
        "general good goods great greatest greetings group groups half hell hello help hi high higher highest home "
        "hundred index information key keys large left length line little long longer longest low lower man member "
        "members men microsoft mill million mine miss mr mrs mug new newer newest next nine ninety novel null "
        "number numbers ok okay old older oldest open opened opening opens order page pages past place places plus "
        "minus point pointed pointing points present presents problem proud right ring room rooms round run saw "
        "second seconds section seven seventy shed shell side sides site six sixty small smaller smallest sorry "
        "state states stop system ten test text thank thanks thick thin think third thirty thought thoughts "
        "thousand three tip today top trillion turn tv twelve twenty two uk wall web webpage website welcome well "
        "wells width wish wonder words work works world year years yes young younger youngest zero act area areas "
        "bb cd homepage interest lets move parts ran results sent show shows value ways add looking seeing working "
        "turned turning caption captions html net php"
    ),
    "de": (
        "ei gott jahr jahre jahren mann mensch menschen morgen startseite tag tage tagen teil uhr zeit ordnung recht"
    ),
    "fr": (
        "beau droite dos force gens mine mot neuf ouvert ouverte parole personne personnes pièce pur pure sein stop "
        "sujet valeur voie"
    ),
    "es": "claro dia dias día días pais paìs trabajo lugar horas",
    "pt": (
        "ano anos caminho corrente dia direita grupo hora horas lugar mês meses noite obra pessoas ponto pontos "
        "povo sistema tempo trabalho viagem área nome"
    ),
    "it": (
        "anno anni ansa citta città forza gente giorni giorno gruppo mesi mondo nome ora ore osi paese persone "
        "piedi press scola tempo titolo uomo vita"
    ),
    "sv": "dag dagar dagarna dagen",
    "pl": "pan pana pani",
    "tr": "yüz",
    "id": "bapak bulan hari ibu pak tempat waktu",
    "ru": (
        "белый большой вернуться вечер взгляд взять вид видел видеть вода война вопрос выйти главный глаз говорить "
        "голова голос город год года году далекий дать дверь дело день деньги дом дорога друг думать душа ждать "
        "жена женщина жизнь жить земля знать идти книга комната конец лежать лицо любить люди маленький мать машина "
        "место минута мир мира москва найти народ начало начала новый нога ночь окно ответить отец писать плечо "
        "пойти пол получить помнить последний посмотреть правда путь работа работать ребенок россия рука русский "
        "свет сделать сидеть сила слово случай смотреть советский спросить старый стол сторона стоять страна "
        "товарищ увидеть улица утро хороший час человек часть"
    ),
    "uk": "день життя людина люди мир рік",
    "ar": "أب أخ عين نفس صباح يوم",
    "fa": "راه روز آباد صورت نشان",
    "hi": "घर वर्ग",
    "bn": "বন দিন",
    "sw": "sauti watu",
    "th": "วัน ทาง",
    "vi": ("anh bà bác bông cao cha cây chú cô dì em lớn ngày ngọt người nhà năm ông quả răng sạch tháng thanh tấn vở"),
    "ko": "아이 시간 월 일",
    "zh": "大家",
}

ADDED = {
    "en": (
        "a i s am an as at be by do eg go he ie if in is it me my no of oh on or so to up us we amid atop beneath "
        "beside inside outside onto per throughout toward via don doesn isn aren wasn"
    ),
    "de": (
        "der die das den dem des ein eine einen einem einer eines und oder aber mit ohne von vom zum zur zu im in "
        "ins am an ans auf aufs aus bei beim für nach über unter hinter neben vor zwischen um als wie ist sind war "
        "nicht kein keine seit wegen trotz statt"
    ),
    "fr": (
        "le la les l un une des du de d et ou mais avec sans sur sous dans par pour en au aux à ce cet cette ces "
        "qui que qu est sont ne pas plus se sa son ses dont derrière devant près j c n t m y"
    ),
    "es": (
        "el la los las un una unos unas y e o u de del al a en con sin sobre por para que es son su sus lo bajo "
        "tras entre junto detrás debajo delante encima"
    ),
    "pt": (
        "o a os as um uma uns umas e ou de do da dos das no na nos nas em com sem por para pelo pela ao à aos às "
        "que é são num numa dum duma sob sobre atrás junto perto debaixo"
    ),
    "it": (
        "il lo la i gli le l un uno una e ed o di del dello della dei degli delle d a al allo alla ai agli alle da "
        "dal dallo dalla dai dagli dalle in nel nello nella nei negli nelle con senza su sul sullo sulla sui sugli "
        "sulle per che è sono tra fra sotto sopra dietro davanti accanto"
    ),
    "nl": (
        "de het een en of van voor met zonder op in aan bij naar uit te ten ter is zijn niet dat die dit onder "
        "boven naast achter tussen der des den"
    ),
    "sv": (
        "en ett och eller av för med utan på i till från är som den det de inte bredvid framför bakom under över mellan"
    ),
    "pl": (
        "i oraz lub a w we z ze na do od pod nad za przed po przy między obok dla przez o u to ten ta te jest są "
        "nie się"
    ),
    "tr": (
        "ve veya ile bir bu şu o da de için gibi olan değil mi mı mu mü çok altında üstünde üzerinde içinde yanında "
        "arkasında önünde"
    ),
    "id": (
        "yang dan atau di ke dari dengan tanpa untuk pada dalam ini itu adalah tidak oleh sebagai atas bawah sebuah "
        "seekor seorang para sedang"
    ),
    "jv": (
        "lan utawa nanging ing saka karo kanggo marang dening iki iku kuwi kae sing kang ora dudu ana yaiku uga wis "
        "lagi bakal aku kowe dheweke padha sawijining nang neng nduwur dhuwur ngisor mburi ngarep njero njaba "
        "cedhak kabeh akeh apa sapa endi kapan"
    ),
    "ru": (
        "и или а но в во на с со к ко по за из от до для о об не без при под над перед между через у около возле "
        "рядом как что это одна одно одни мой моя наш"
    ),
    "uk": (
        "і й та або а але в у на з зі із до по за від для про о не без при під над перед між через біля після поруч "
        "як що це цей ця ці той ті мій моя його її їх який яка які один одна одне одні"
    ),
    "ar": (
        "و في على من إلى عن مع بدون أو ال هذا هذه ذلك تلك التي الذي لا لم ما هو هي هم نحن أنا تحت فوق أمام خلف بين "
        "بجانب داخل خارج عند ثم لكن كان كانت كل بعض"
    ),
    "fa": "و در از به با بدون یا که را این آن برای بر تا است هم روی زیر کنار یک می های ها",
    "he": (
        "של את על עם בלי או לא זה זו הוא היא אל מן ליד תחת מתחת לפני אחרי בין בתוך מאחורי אני אתה הם הן היה הייתה "
        "יש אין גם רק כל"
    ),
    "hi": (
        "का की के को में से पर और या है हैं नहीं यह वह एक साथ मैं मेरा मेरी मेरे हम हमारा हमारे तुम ऊपर नीचे सामने "
        "पास आगे पीछे बाहर बीच लिए था थी थे रहा रही रहे हूँ हूं मुझे क्या क्यों कैसे कब कहाँ हर वाला वाली वाले"
    ),
    "mr": (
        "आणि किंवा पण मध्ये वर खाली आत बाहेर साठी सोबत बरोबर जवळ मागे पुढे समोर चा ची चे च्या ला ने हे हा ही तो ती "
        "ते आहे आहेत होता नाही एक पासून पर्यंत मी आम्ही तू तुम्ही माझा माझी माझे त्यांचा कोण कुठे केव्हा का कसे खूप "
        "सर्व प्रत्येक"
    ),
    "bn": (
        "একটি একটা এক ও এবং বা কিন্তু এর উপর উপরে নিচে নীচে ভিতরে বাইরে পাশে কাছে সামনে পিছনে মাঝে সঙ্গে সাথে জন্য "
        "থেকে আছে ছিল হয় নয় না যে যা এই ঐ ওই সে তার আমার তোমার আমাদের তাদের কে কী কি কোথায় কখন কেন খুব সব প্রতি "
        "টি টা"
    ),
    "pa": (
        "ਦਾ ਦੇ ਦੀ ਦੀਆਂ ਨੂੰ ਵਿੱਚ ਵਿਚ ਤੇ ਉੱਤੇ ਤੋਂ ਨਾਲ ਲਈ ਅਤੇ ਜਾਂ ਪਰ ਹੈ ਹਨ ਸੀ ਸਨ ਇੱਕ ਇਕ ਇਹ ਉਹ ਇਸ ਉਸ ਨੇ ਕਿ ਜੋ ਨਹੀਂ ਵੀ "
        "ਹੀ ਤਾਂ ਮੈਂ ਤੁਸੀਂ ਅਸੀਂ ਆਪਣੇ ਆਪਣੀ ਆਪਣਾ ਮੇਰਾ ਮੇਰੀ ਸਾਡਾ ਰਿਹਾ ਰਹੀ ਰਹੇ ਕੋਲ ਹੇਠਾਂ ਉੱਪਰ ਅੰਦਰ ਬਾਹਰ ਅੱਗੇ ਪਿੱਛੇ ਬਹੁਤ "
        "ਕੁਝ ਹਰ ਕੀ ਕੌਣ"
    ),
    "ur": (
        "کا کے کی کو میں سے پر اور یا لیکن مگر ہے ہیں تھا تھی تھے ایک یہ وہ اس ان نے کہ جو نہیں نہ بھی ہی تو تک "
        "ساتھ لیے لئے پاس اوپر نیچے اندر باہر آگے پیچھے سامنے درمیان میرا میری ہمارا اپنا اپنی اپنے ہم آپ تم مجھے "
        "اسے انہیں کیا کون کہاں کب کیوں کیسے بہت کچھ ہر سب رہا رہی رہے ہوا ہوئی ہوئے ہو گیا گئی گئے کر والا والی "
        "والے جب اگر"
    ),
    "ta": (
        "ஒரு இந்த அந்த மற்றும் அல்லது ஆனால் இல் மீது மேல் கீழ் உடன் இருந்து வரை என்று என்ற என உள்ளது உள்ள உள்ளன "
        "இருக்கிறது இருக்கின்றன இருந்தது ஆகும் கூட பற்றி இது அது இவை அவை அவன் அவள் அவர் அவர்கள் நான் நாங்கள் நாம் "
        "நீ நீங்கள் என் எங்கள் உன் உங்கள் தன் அவரது அதன் இதன் எந்த என்ன யார் எங்கே எப்போது எப்படி ஏன் அங்கே இங்கே "
        "மூலம் அருகில் முன் முன்னால் பின் பின்னால் நடுவில் உள்ளே வெளியே பக்கத்தில் மிக மிகவும் சில பல எல்லா அனைத்து "
        "ஒவ்வொரு இல்லை அல்ல போன்ற பின்னர்"
    ),
    "te": (
        "ఒక ఈ ఆ మరియు లేదా కానీ లో పై కింద తో కోసం నుండి నుంచి వరకు అని అనే ఉంది ఉన్న ఉన్నాయి ఉన్నాడు ఉన్నది కూడా "
        "గురించి ఇది అది ఇవి అవి అతను ఆమె వారు నేను మేము మీరు నువ్వు నా మా మీ నీ తన వారి అతని దాని దీని ఏ ఏమి ఎవరు "
        "ఎక్కడ ఎప్పుడు ఎలా ఎందుకు అక్కడ ఇక్కడ యొక్క ద్వారా వద్ద దగ్గర మీద పైన ముందు వెనుక మధ్య లోపల బయట పక్కన చాలా "
        "కొన్ని అన్ని ప్రతి కాదు లేదు అయితే అయిన కాబట్టి తర్వాత"
    ),
    "sw": (
        "na ya wa la za cha vya kwa katika ni si hii hiki hizi haya huyu hawa hili ile yule kile zile kwenye juu "
        "chini mbele nyuma ndani nje karibu pamoja bila au lakini kama pia sana yangu yako yake yetu yao wangu wake "
        "kuna ana wana iko yuko yupo ipo ambao ambayo mimi wewe yeye sisi"
    ),
    "vi": (
        "một các những cái con chiếc của và hoặc trên dưới trong ngoài cạnh bên với cho từ đến là có đang đã sẽ này "
        "đó không rất ở tại bởi được bị"
    ),
    "ko": "및 또는 그리고 의 이 가 을 를 은 는 에 와 과 로 있는 없는 위에 아래에 안에 옆에 앞에 뒤에",
    "ja": "の は が を に へ と で も や か な た て だ し い る れ さ す っ",
    "zh": "的 了 和 与 與 在 是 有 或 及 之 把 个 個 着 也 都 这 這 那 们 們 很 一 被 它 他 她 你 我 不",
}
