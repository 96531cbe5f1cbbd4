package dev.nudge.server.ui;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The page in Chromium, against a server that answers from a file; skipped where there is none.
/// Pictures are left in `target/ui`.
class UiTest {
  private static final Path SHOTS = Path.of("target/ui");
  private static final String HOSTILE = "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E";
  private static Browser browser;
  private MockServer server;

  @BeforeAll
  static void start() throws Exception {
    Path program = Browser.here();
    assumeTrue(program != null, "no Chromium on the PATH");
    browser = new Browser(program);
  }

  @AfterAll
  static void stop() throws Exception {
    if (browser != null) {
      browser.close();
    }
  }

  @BeforeEach
  void serve() throws Exception {
    server = new MockServer();
    browser.look(1200, 800, false);
    browser.problems();
  }

  @AfterEach
  void nothingStandsOnTheConsole() {
    server.close();
    assertThat(browser.problems()).isEmpty();
  }

  private void open(String view, String selector) throws Exception {
    browser.open(server.url("/ui/#" + view), selector);
  }

  @ParameterizedTest
  @CsvSource({
    "playground, .column",
    "adapters, tbody a",
    "adapters/support, td.buttons button",
    "experiments, .verdict",
    "experiments/champion-4, svg .interval",
    "experiments/legal-canary, .few",
    "experiments/support-5-canary, .trouble",
    "experiments/terse, svg .interval",
    "runs, tbody a",
    "runs/20261127-1504, svg .smooth",
    "load, .tile",
  })
  void everyViewShowsWhatItHasInBothSchemesAndInANarrowWindow(String view, String selector)
      throws Exception {
    for (boolean dark : List.of(false, true)) {
      int width = dark ? 400 : 1200; // colours move nothing
      browser.look(width, 800, dark);
      open(view, selector);
      int height = browser.eval("document.documentElement.scrollHeight").asInt();
      browser.look(width, Math.min(height, 3000), dark);
      String file =
          "%s-%s-%d.png".formatted(view.replace('/', '-'), dark ? "dark" : "light", width);
      browser.shoot(SHOTS.resolve(file));
      assertThat(browser.eval("document.documentElement.scrollWidth").asInt())
          .as(browser.eval(WIDE).asString())
          .isLessThanOrEqualTo(width);
    }
    assertThat(browser.eval(UNNAMED).asString()).isEmpty();
    assertThat(browser.eval(FAINT).asString()).isEmpty();
  }

  @Test
  void aFigureThatIsNotKnownIsADashAndANegativeOneHasAMinus() throws Exception {
    open("experiments/legal-canary", ".few");
    assertThat(browser.text()).contains("–").doesNotContain("−");
    open("experiments/support-5-canary", "svg .interval");
    assertThat(browser.text()).contains("−0.012", "−0.11 to 0.086");
  }

  /// What is wider than the window, for the message.
  private static final String WIDE =
      """
      [...document.querySelectorAll("main *")]
        .filter((n) => n.getBoundingClientRect().right > innerWidth && !n.closest(".scroll *"))
        .map((n) => n.outerHTML.slice(0, 80)).slice(0, 5).join("\\n")
      """;

  /// Fields and buttons that have no name for a screen reader.
  private static final String UNNAMED =
      """
      [...document.querySelectorAll("input, select, textarea, button, meter, svg, [role=region]")]
        .filter((n) => !(n.labels?.length || n.getAttribute("aria-label") || n.textContent.trim()
          && n.localName === "button"))
        .map((n) => n.outerHTML.slice(0, 80)).join("\\n")
      """;

  /// Texts whose contrast with what is behind them is below 4.5.
  private static final String FAINT =
      """
      (() => {
        const parse = (c) => {
          const m = c.match(/[\\d.]+/g).map(Number);
          return m.length === 3 ? [...m, 1] : m;
        };
        const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3]));
        const light = (c) => c.slice(0, 3).map((v) => v / 255)
          .map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
          .reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
        const behind = (n) => {
          if (!n) { return [255, 255, 255]; }
          const c = parse(getComputedStyle(n).backgroundColor);
          return c[3] === 1 ? c : c[3] === 0 ? behind(n.parentElement) : over(c, behind(n.parentElement));
        };
        const bad = [];
        for (const n of document.querySelectorAll("body *")) {
          const own = [...n.childNodes].some((c) => c.nodeType === 3 && c.data.trim());
          if (!own || n.disabled || n.closest("svg, .unseen") || !n.checkVisibility()) { continue; }
          const [a, b] = [light(parse(getComputedStyle(n).color)), light(behind(n))];
          const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
          if (ratio < 4.5) { bad.push(n.localName + "." + n.className + " " + ratio.toFixed(2)); }
        }
        return bad.join("\\n");
      })()
      """;

  @Test
  void aComparisonStreamsIntoBothColumns() throws Exception {
    open("playground", ".column input[id^=column]");
    browser.await("[...document.querySelectorAll('.column input')].every((i) => i.value)");
    browser.eval("document.getElementById('prompt').focus()");
    browser.type("Where is my order 4711?");
    browser.press("Ctrl+Enter");
    browser.await(
        "[...document.querySelectorAll('.answer')].every((a) => a.textContent.length > 30 &&"
            + " a.ariaBusy === 'true')");
    browser.shoot(SHOTS.resolve("comparison-under-way.png"));
    browser.await("[...document.querySelectorAll('.answer')].every((a) => a.ariaBusy === 'false')");
    assertThat(browser.eval("document.querySelectorAll('.answer')[0].textContent").asString())
        .startsWith("I am sorry to hear that your parcel has not come.")
        .endsWith("have taken it in.");
    assertThat(browser.eval("document.querySelectorAll('.answer')[1].textContent").asString())
        .startsWith("I am sorry that your parcel is late.")
        .endsWith("at no cost.");
    assertThat(browser.text())
        .contains(
            "support:3 5e5e5e5e5e5e", "as column 1 for 12 characters", "All answers are there.");
    String one =
        server.asked.stream().filter(a -> a.contains("\"smol\"")).findFirst().orElseThrow();
    assertThat(one)
        .startsWith("POST /v1/chat/completions ")
        .contains("\"temperature\":0", "\"max_tokens\":256", "\"stream\":true", "4711");
    browser.shoot(SHOTS.resolve("comparison-light.png"));
    browser.look(1200, 800, true);
    browser.shoot(SHOTS.resolve("comparison-dark.png"));
    browser.look(400, 1400, true);
    browser.shoot(SHOTS.resolve("comparison-narrow.png"));
  }

  @Test
  void anAnswerThatIsStoppedStays() throws Exception {
    open("playground", ".column input");
    browser.await("[...document.querySelectorAll('.column input')].every((i) => i.value)");
    browser.eval("document.getElementById('prompt').focus()");
    browser.type("Hello");
    browser.press("Ctrl+Enter");
    browser.await("document.querySelector('.answer').textContent.length > 20");
    browser.tabTo("form.ask button:not(.main):enabled");
    browser.press("Enter");
    browser.await("document.querySelector('.about').textContent.startsWith('stopped')");
    assertThat(browser.eval("document.querySelector('.answer').textContent").asString())
        .startsWith("I am sorry")
        .doesNotContain("neighbours");
  }

  @Test
  void aModelThatIsNotThereIsToldInItsColumnAlone() throws Exception {
    open("playground", ".column input");
    browser.await("[...document.querySelectorAll('.column input')].every((i) => i.value)");
    browser.eval("document.querySelectorAll('.column input')[1].value = 'nobody'");
    browser.eval("document.getElementById('prompt').value = 'Hello'");
    browser.eval("document.querySelector('form.ask').requestSubmit()");
    browser.await("document.querySelector('.column.failed .error') !== null");
    browser.await("document.getElementById('said').textContent === '1 without an answer.'");
    assertThat(browser.text()).contains("there is no model 'nobody'", "taken it in.");
    browser.problems(); // the browser itself tells of the 404
  }

  @Test
  void anAliasMovesAndGoesBackByTheKeyboardAlone() throws Exception {
    open("adapters", "tbody a");
    browser.press("Tab");
    assertThat(browser.eval("document.activeElement.id").asString()).isEqualTo("skip");
    browser.press("Enter");
    assertThat(browser.eval("document.activeElement.id").asString()).isEqualTo("main");
    browser.tabTo("a[href$=\"/support\"]");
    browser.press("Enter");
    browser.await("document.querySelector('h1').textContent === 'support'");
    assertThat(browser.eval("document.title").asString()).isEqualTo("support · adapters · nudge");
    browser.tabTo("[data-at=\"move champion\"]");
    browser.press("Enter");
    browser.await("document.querySelector('dialog[open] select') === document.activeElement");
    browser.shoot(SHOTS.resolve("dialog-move.png"));
    browser.press("Tab");
    browser.type("won champion-4");
    browser.press("Tab", "Enter");
    browser.await("document.querySelector('dialog') === null");
    browser.await(
        "document.getElementById('said').textContent.includes('support@champion is at version 4"
            + " now')");
    assertThat(server.asked.stream().filter(a -> a.startsWith("POST")).toList())
        .singleElement()
        .asString()
        .startsWith("POST /v1/registry/adapters/support/aliases/champion ")
        .contains("\"version\":4", "\"expected\":3", "\"why\":\"won champion-4\"");
    browser.await("document.activeElement.dataset.at === 'move champion'");
    browser.press("Tab");
    browser.press("Enter");
    browser.await("document.querySelector('dialog[open] textarea') === document.activeElement");
    browser.type("slower than 3");
    browser.press("Tab", "Enter");
    browser.await("document.getElementById('said').textContent.includes('at version 3 again')");
    assertThat(browser.text())
        .contains("champion rolled back from version 4 to version 3", "slower than 3");
  }

  @Test
  void whereNobodyMayMoveAliasesNoMoveIsOffered() throws Exception {
    server.locked = true;
    open("adapters/support", ".locked");
    assertThat(browser.text())
        .contains("Moving an alias needs an admin key; start the server with --admin-key-file.")
        .doesNotContain("Roll back");
    assertThat(
            browser
                .eval(
                    "document.querySelectorAll('button[data-at^=move],"
                        + " button[data-at=new]').length")
                .asInt())
        .isZero();
    open("experiments/legal-canary", ".locked");
    assertThat(browser.text()).contains("Stopping the experiment needs an admin key");
    assertThat(browser.eval("document.querySelector('[data-at=stop]') === null").asBoolean())
        .isTrue();
  }

  @Test
  void aDialogKeepsTheKeyboardAndGivesItBack() throws Exception {
    open("adapters/support", "[data-at=\"back champion\"]");
    browser.tabTo("[data-at=\"back champion\"]");
    browser.press("Enter");
    browser.await("document.querySelector('dialog[open]') !== null");
    for (int i = 0; i < 7; i++) {
      browser.press(i < 4 ? "Tab" : "Shift+Tab");
      assertThat(browser.eval("document.activeElement.closest('dialog') !== null").asBoolean())
          .isTrue();
    }
    browser.look(400, 800, true);
    browser.shoot(SHOTS.resolve("dialog-back-narrow.png"));
    browser.press("Escape");
    browser.await("document.querySelector('dialog') === null");
    assertThat(browser.eval("document.activeElement.dataset.at").asString())
        .isEqualTo("back champion");
    assertThat(server.asked).noneMatch(a -> a.startsWith("POST"));
  }

  @Test
  void theAdminKeyIsAskedForByTheFirstActionAndKeptInMemoryAlone() throws Exception {
    server.wantsKey = true;
    open("adapters/support", "[data-at=\"back champion\"]");
    rollBack("first");
    browser.await(
        "document.querySelector('dialog input[type=password]') === document.activeElement");
    browser.shoot(SHOTS.resolve("dialog-key.png"));
    browser.type("wrong");
    browser.press("Enter");
    browser.await(
        "document.querySelector('dialog')?.textContent.includes('did not take this key')");
    browser.type(MockServer.KEY);
    browser.press("Enter");
    browser.await("document.getElementById('said').textContent.includes('at version 2 again')");
    rollBack("second");
    browser.await("document.getElementById('said').textContent.includes('at version 3 again')");
    assertThat(
            browser
                .eval(
                    "JSON.stringify([document.cookie, localStorage.length, sessionStorage.length,"
                        + " location.href])")
                .asString())
        .startsWith("[\"\",0,0,")
        .doesNotContain(MockServer.KEY);
    open("adapters/support", "[data-at=\"back champion\"]");
    rollBack("third");
    browser.await("document.querySelector('dialog input[type=password]') !== null");
    browser.problems(); // the browser itself tells of the 401s
  }

  private void rollBack(String why) throws Exception {
    browser.eval("document.querySelector('[data-at=\"back champion\"]').click()");
    browser.await("document.querySelector('dialog textarea') === document.activeElement");
    browser.type(why);
    browser.press("Tab", "Enter");
  }

  @Test
  void whoLosesARaceIsToldAndSeesWhereTheAliasIs() throws Exception {
    server.lostRace = true;
    open("adapters/support", "[data-at=\"back champion\"]");
    rollBack("late");
    browser.await("document.getElementById('said').textContent.includes('it stays there')");
    assertThat(server.asked.stream().filter(a -> a.startsWith("POST")).toList()).hasSize(1);
    assertThat(
            server.asked.stream()
                .filter(a -> a.startsWith("GET /v1/registry/adapters/support "))
                .toList())
        .hasSize(2);
    browser.problems(); // the browser itself tells of the 409
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "adapters",
        "adapters/" + HOSTILE,
        "experiments/terse",
        "runs",
        "runs/20261120-2200"
      })
  void whatAFileSaysIsNeverHtml(String view) throws Exception {
    open(view, "main h1, main table");
    browser.await("document.querySelector('main').textContent.includes('<img src=x')");
    assertThat(browser.eval("document.querySelectorAll('img, script:not([src])').length").asInt())
        .isZero();
  }

  @Test
  void whatAModelSaysIsNeverHtml() throws Exception {
    open("playground", ".column input");
    browser.await("[...document.querySelectorAll('.column input')].every((i) => i.value)");
    browser.eval(
        "document.querySelectorAll('.column input')[1].value = '<img src=x onerror=alert(1)>'");
    browser.eval("document.getElementById('prompt').value = 'Hello'");
    browser.eval("document.querySelector('form.ask').requestSubmit()");
    browser.await( // both: a stream that the end of the test cuts off is told on the console
        "[...document.querySelectorAll('.answer')].every((a) => a.ariaBusy === 'false')");
    assertThat(browser.eval("document.querySelectorAll('.answer')[1].textContent").asString())
        .startsWith("<script>document.title=\"owned\"</script><img")
        .endsWith("<b>bold</b>");
    assertThat(
            browser
                .eval("document.querySelectorAll('main img, main script, main b').length")
                .asInt())
        .isZero();
    assertThat(browser.eval("document.title").asString()).doesNotContain("owned");
  }

  @Test
  void whatIsFetchedAnewLeavesTheKeyboardAndTablesWhereTheyWere() throws Exception {
    browser.look(400, 800, false);
    open("adapters/support", "[data-at=\"refresh\"]");
    browser.eval("document.querySelector('[data-at=\"History\"]').scrollLeft = 90");
    browser.tabTo("[data-at=\"refresh\"]");
    browser.eval("document.querySelector('main h1').textContent = 'old'");
    browser.press("Enter");
    browser.await("document.querySelector('main h1').textContent === 'support'");
    assertThat(browser.eval("document.activeElement.dataset.at").asString()).isEqualTo("refresh");
    assertThat(browser.eval("document.querySelector('[data-at=\"History\"]').scrollLeft").asInt())
        .isEqualTo(90);
  }

  @Test
  void chosenRunsAreDrawnOverEachOther() throws Exception {
    open("runs", "tbody a");
    browser.tabTo("input[type=checkbox]");
    browser.press("Space", "Tab", "Tab", "Space", "Tab", "Tab", "Space");
    browser.await("document.querySelectorAll('svg .smooth').length === 3");
    browser.shoot(SHOTS.resolve("runs-drawn.png"));
    assertThat(browser.eval("document.querySelector('svg').getAttribute('aria-label')").asString())
        .isEqualTo("Losses of legal-3, support-4, support-3b");
  }

  @Test
  void loadIsAskedForOnlyWhileItIsLookedAt() throws Exception {
    open("load", ".tile");
    // a pause and its end ask anew at once, for a second answer: speeds are of two
    browser.eval("for (const n of [1, 2]) document.querySelector('main .buttons button').click()");
    browser.await("!document.querySelectorAll('.tile .value')[2].textContent.includes('–')");
    assertThat(browser.text()).contains("support:3", "of answers", "Captured in the last day");
    assertThat(
            browser
                .eval(
                    "[...document.querySelectorAll('table')[1].querySelectorAll('tbody tr"
                        + " *')].map((n) => n.textContent).join(' ')")
                .asString())
        .endsWith("1,204 96 17 5 11 2");
    browser.shoot(SHOTS.resolve("load-later.png"));
    browser.eval(
        "window.due = []; window.setTimeout = (run) => due.push(run);"
            + " window.clearTimeout = (i) => delete due[i - 1]");
    browser.await("due.some(() => true)"); // the next question
    browser.eval("location.hash = '#runs'");
    browser.await("document.querySelector('tbody a') !== null");
    browser.await("!due.some(() => true)");
    server.asked.clear();
    browser.eval("fetch('/v1/runs').then((r) => r.text())"); // one that was under way is over
    assertThat(browser.eval("due.some(() => true)").asBoolean()).isFalse();
    assertThat(server.asked).noneMatch(a -> a.startsWith("GET /v1/load"));
  }
}
