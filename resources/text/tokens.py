"""How many tokens a counted word takes: as expected, and as the limit of an answer."""

EXPECTED_PER_WORD = 1.4  # English about 1.33, Chinese about 1.5 a character
TEACHER_ROOM_PER_WORD = 4  # limit of a teacher's answer: CJK text and markup included
TEACHER_ROOM = 512  # beside that, whatever the length of the text
STUDENT_CAP_PER_WORD = 3  # a checkpoint's answer may have this many per word that is asked, and no more
