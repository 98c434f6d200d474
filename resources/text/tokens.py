"""How many tokens a counted word takes: what is expected, and what an answer is given room for."""

EXPECTED_PER_WORD = 1.4  # English about 1.33, Chinese about 1.5 a character
TEACHER_ROOM_PER_WORD = 4  # for the longest answer of a teacher: CJK text and markup included
STUDENT_CAP_PER_WORD = 3  # a checkpoint's answer may have this many per word that is asked, and no more
