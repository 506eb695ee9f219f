"""The page in a real browser: what is drawn, what buttons do, on a phone and in the dark."""

import shutil
import warnings

import pytest

from metabit.watch.session import State
from tests.watch.watching import TILE, run_of, served, session_of, wait

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
DRIVER = shutil.which("chromedriver")

pytest.importorskip("selenium", reason="selenium is not installed (extra 'dev')")
pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None,
    reason="no browser: Chromium and its driver are not installed (Debian: chromium-driver)",
)


@pytest.fixture(scope="module")
def browser():
    from selenium.webdriver import Chrome
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = BROWSER
    # A container has no user name spaces for the browser's own sandbox.
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with warnings.catch_warnings():
        # What it leaves open itself.
        warnings.simplefilter("ignore", ResourceWarning)
        driver = Chrome(options=options, service=Service(DRIVER))
        yield driver
        driver.quit()


class Page:
    """What a user sees and does."""

    def __init__(self, driver, address):
        self.driver = driver
        driver.get(address)

    def all(self, selector):
        from selenium.webdriver.common.by import By

        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return " ".join(node.text for node in self.all(selector) if node.text)

    def press(self, name, run=0):
        [button] = [
            node
            for node in self.all(".run")[run].find_elements("css selector", "button")
            if node.text == name
        ]
        button.click()

    def run(self, script, *arguments):
        return self.driver.execute_script(f"return {script}", *arguments)

    def show(self, selector):
        self.run("document.querySelector(arguments[0]).scrollIntoView()", selector)

    def faults(self):
        """What the browser had to complain of."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


def test_a_training_is_watched_paused_stepped_and_saved(browser, start):
    session = session_of(run_of(epochs=4), paused=True)
    other = session_of(run_of(seed=8))
    with served(session, other) as client:
        page = Page(browser, client.serving.address)
        wait(lambda: page.text("#link") == "live")
        start(session)
        start(other)
        wait(lambda: len(page.all(".run")) == 2)
        page.press("Tile")
        wait(lambda: f"sample {TILE} of 103" in page.text(".run"))
        wait(lambda: len(page.all("#tile-samples img")) == TILE)
        assert page.run("document.querySelector('#tile-samples img').naturalWidth") == 6
        page.press("Save")
        wait(lambda: session.saved is not None and session.state is State.PAUSED)
        wait(lambda: "checkpoint" in page.text(".run a"))
        page.press("Resume")
        wait(lambda: page.text(".badge") == "finished finished")
        # Nothing can be ordered any more.
        assert page.text(".run button") == "1: small-custom, seed 3 2: small-custom, seed 8"
        assert f"{100 * session.source.run.test_accuracy[-1]:.1f} %" in page.text(".run dd")
        # Two curves of each training, a curve of each layer.
        wait(lambda: len(page.all("#accuracy path")) == 4)
        for chart in ("triggers", "updates", "flips"):
            assert len(page.all(f"#{chart} path")) == 2
            [svg] = page.all(f"#{chart} svg")
            assert "layer 0" in svg.get_attribute("aria-label")
        assert len(page.all("#counters rect")) >= 2 * 8
        page.show("#fields-box")
        wait(lambda: len(page.all("#fields .look")) == 12)
        sheet = "getComputedStyle(document.querySelector('#fields')).getPropertyValue('--sheet')"
        wait(lambda: "fields/0.png" in page.run(sheet))
        page.show("#report")
        wait(lambda: "Learning curve" in page.text("#report h2"))
        assert "Hard samples" in page.text("#report h2")
        # The other run in detail.
        page.all(".run h2 button")[1].click()
        wait(lambda: page.text("#chosen-title") == "small-custom, seed 8, in detail")
        assert page.faults() == []


def test_it_is_read_on_a_phone_and_in_the_dark(browser, start):
    session = session_of()
    with served(session) as client:
        start(session).join()
        for width, scheme in ((360, "light"), (360, "dark"), (1200, "dark")):
            browser.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
            )
            media = [{"name": "prefers-color-scheme", "value": scheme}]
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
            page = Page(browser, client.serving.address)
            wait(lambda: page.text(".badge") == "finished")  # noqa: B023
            page.show("#report")
            wait(lambda: "Configuration" in page.text("#report h2"))  # noqa: B023
            wide = page.run("document.documentElement.scrollWidth")
            assert wide <= width
            light = page.run(
                "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
            )
            assert (max(light) < 60) == (scheme == "dark")
            # No text of a chart is cut off at the right.
            assert page.run(
                "[...document.querySelectorAll('.chart text')].every("
                "(t) => t.getBoundingClientRect().right <= innerWidth)"
            )
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_it_says_that_the_connection_is_lost(browser):
    session = session_of(paused=True)
    with served(session) as client:
        page = Page(browser, client.serving.address)
        wait(lambda: page.text("#link") == "live")
    wait(lambda: "no connection" in page.text("#link"))
