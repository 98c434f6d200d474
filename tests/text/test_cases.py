def cleaned(case):
    from resources.text.manners import clean_correction, clean_request, clean_section

    if case["in"] == "request":
        return clean_request(case["text"])
    if case["in"] == "section":
        return clean_section(case["text"], case["heading"])
    return clean_correction(case["text"], case["original"])
