"""Texts without meaning whose lengths follow the paper's pool: mean 2,037 words, median 1,732, two peaks."""

import hashlib
import math
import random
from statistics import NormalDist

# A fifth of the pool is short (exponential, mean 200), the rest is log-normal: together these have the paper's mean,
# median and second peak (docs/method.md 1.1).
SHORT_SHARE, SHORT_MEAN = 0.2, 200
LONG_MU, LONG_SIGMA = 7.65, 0.59
LEAST, MOST = 60, 10_000  # the rules want 50 at least
CHINESE = 0.3  # share of documents

WORDS = """ability above account across action activity actually address adult after again against agency agreement
almost alone along already although always among amount analysis animal another answer anything appear apply approach
argue around arrive article artist attack attention audience author available avoid away beautiful because become
before begin behavior behind believe benefit better between beyond billion blood board body book born both bring
brother budget build building business call camera campaign capital career carry catch cause cell center central
century certain chair challenge chance change character charge check child choice choose church citizen city civil
claim class clear close coach cold collection college color come commercial common community company compare computer
concern condition conference consider consumer contain continue control cost could country couple course court cover
create crime cultural culture current customer dark data daughter dead deal death debate decade decide decision deep
defense degree democratic describe design despite detail determine develop difference different difficult dinner
direction director discover discuss disease door down draw dream drive drop during each early east economic education
effect effort eight either election employee energy enjoy enough enter entire environment especially establish evening
event every evidence exactly example executive exist expect experience expert explain eye face fact factor fail family
far father fear federal feel field fight figure fill film final financial find fine finger finish fire firm first fish
floor focus follow food foot force foreign forget form former forward four free friend from front full fund future
game garden general generation girl give glass goal good government great green ground group grow growth guess hair
half hand hang happen happy hard have head health hear heart heat heavy help herself high himself history hold home
hope hospital hotel hour house however huge human hundred husband idea identify image imagine impact important
improve include increase indeed indicate individual industry information inside instead institution interest
international interview investment involve issue item itself join just keep kind kitchen know knowledge land language
large last late later laugh lawyer lead leader learn least leave left legal less letter level life light like likely
line list listen little live local long look lose loss love machine magazine main maintain major majority make manage
management manager many market marriage material matter maybe mean measure media medical meet meeting member memory
mention message method middle might military million mind minute miss mission model modern moment money month more
morning most mother mouth move movement movie much music must myself name nation national natural nature near nearly
necessary need network never news newspaper next night none north note nothing notice number occur offer office
officer official often once only onto open operation opportunity option order organization other others outside over
own owner page pain painting paper parent part participant particular partner party pass past patient pattern pay
peace people perform performance perhaps period person personal phone physical pick picture piece place plan plant
play player point police policy political poor popular population position positive possible power practice prepare
present president pressure pretty prevent price private probably problem process produce product production
professional professor program project property protect prove provide public pull purpose push quality question
quickly quite race radio raise range rate rather reach read ready real reality realize really reason receive recent
recently recognize record reduce reflect region relate relationship religious remain remember remove report represent
republican require research resource respond response responsibility rest result return reveal rich right rise risk
road rock role room rule safe same save scene school science scientist score season seat second section security seek
seem sell send senior sense series serious serve service seven several shake share shoot short should shoulder show
side sign significant similar simple simply since sing single sister site situation size skill skin small smile social
society soldier some somebody someone something sometimes song soon sort sound source south space speak special
specific speech spend sport spring staff stage stand standard star start state statement station stay step still stock
stop store story strategy street strong structure student study stuff style subject success successful such suddenly
suffer suggest summer support sure surface system table take talk task teach teacher team technology television tell
tend term test than thank that their them themselves then theory there these they thing think third this those though
thought thousand threat three through throughout throw thus time today together tonight total tough toward town trade
traditional training travel treat treatment tree trial trip trouble true truth turn type under understand unit until
upon usually value various very victim view violence visit voice vote wait walk wall want watch water weapon wear week
weight well west western what whatever when where whether which while white whole whom whose wide wife will wind
window wish with within without woman wonder word work worker world worry would write writer wrong yard yeah year
young yourself""".split()  # noqa: SIM905 (a list of them would fill the screen)
CHARACTERS = [chr(code) for code in range(0x4E00, 0x4E00 + 1500)]


def draw(name: object, what: str) -> float:
    """A number in [0, 1) that follows from the names alone."""
    return int.from_bytes(hashlib.blake2b(f"{name} {what}".encode(), digest_size=7).digest(), "big") / 2**56


def pool_words(u: float) -> int:
    """The length, in words, at quantile u of the pool's two parts (u below SHORT_SHARE: the short one)."""
    if u < SHORT_SHARE:
        words = -SHORT_MEAN * math.log(1 - u / SHORT_SHARE)
    else:
        inside = (u - SHORT_SHARE) / (1 - SHORT_SHARE)
        words = math.exp(LONG_MU + LONG_SIGMA * NormalDist().inv_cdf(min(max(inside, 1e-9), 1 - 1e-9)))
    return min(MOST, max(LEAST, round(words)))


def text(seed: object, words: int, language: str = "en") -> str:
    """Sentences of 8 to 16 words with so many words in all, of the same for the same seed."""
    random_words = random.Random(f"{seed} {language}")
    drawn = random_words.choices(WORDS if language == "en" else CHARACTERS, k=words)
    joint, stop = (" ", ". ") if language == "en" else ("", "。")
    sentences, start = [], 0
    while start < words:
        size = random_words.randint(8, 16)
        sentences.append(joint.join(drawn[start : start + size]))
        start += size
    return stop.join(sentences) + stop.strip()
