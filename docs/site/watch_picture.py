"""A picture of the live page of `metabit watch`, drawn by Chromium.

    python docs/site/watch_picture.py http://127.0.0.1:8642/ docs/pictures/watch.png

The training should be over, so that the picture is of its end.
"""

import shutil
import sys
import time
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

WIDTH, HEIGHT = 1100, 1790
"""Pixels, as far down as the fields."""

COLOURS = 256
"""Of the picture, which has few."""

READY = """
return document.querySelectorAll('#accuracy path').length > 0
  && document.querySelector('#fields').style.getPropertyValue('--sheet') !== ''
"""


def main(address: str, file: Path) -> None:
    """Draw the page at an address into a file."""
    options = Options()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    size = f"--window-size={WIDTH},{HEIGHT}"
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", size):
        options.add_argument(argument)
    browser = Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        screen = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        browser.get(address)
        WebDriverWait(browser, 60).until(lambda page: page.execute_script(READY))
        time.sleep(1)
        browser.save_screenshot(str(file))
    finally:
        browser.quit()
    Image.open(file).convert("RGB").quantize(COLOURS).save(file, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
