"""Small texts with facts of their own, and archives of them."""

import io
import zipfile

LAVENDER = """# 薰衣草

薰衣草喜欢干燥的砂质土壤，每周浇水一次就够了。

## 修剪

薰衣草在花期结束后修剪三分之一，不要剪到木质化的枝条。
"""

ROSE = """# Roses

Climbing roses flower on side shoots, so train the main stems horizontally.

## Feeding

Feed roses with potash in early spring and again after the first flush of flowers in June.
"""

FERN = """# Ferns

Ferns keep their moisture best in deep shade beneath deciduous trees.
"""

FREE = """# 前言 Preface

本书介绍阳台上的植物。This preface is free for everybody.
"""

TOMATO = """# Tomatoes

Pinch out the side shoots of cordon tomatoes every week until August.
"""

PUNCTUATION = "\ufeff第一行\r\n“引号” — emoji 🌱 and 𠮷 beyond the plane.\r\n\u3000最後一行。\n"


def archive(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in entries.items():
            packed.writestr(name, data)
    return buffer.getvalue()
