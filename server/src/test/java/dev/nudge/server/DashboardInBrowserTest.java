package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.server.access.ApiKeys;
import dev.nudge.server.ui.Browser;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// The page in Chromium against a server that answers: the same as its users have.
@Timeout(1800)
class DashboardInBrowserTest {
  private static final String KEY = "an-admin-key-of-this-test";
  private static final Path SHOTS = Path.of("target/ui");
  @TempDir Path folder;

  @Test
  void thePageAsksComparesMovesAndGoesBack() throws Exception {
    Path program = Browser.here();
    assumeTrue(program != null, "no Chromium on the PATH");
    Path root = folder.resolve("registry");
    Registry registry = Registry.open(root);
    registry.push("support", Place.ONE, Note.by("maria", "first"));
    registry.push("support", Place.OTHER, Note.by("maria", "second"));
    registry.alias(
        "support",
        "champion",
        registry.find(Reference.parse("support:1")),
        Alias.Expected.NONE,
        Note.by("maria", "first"));
    Path admin = folder.resolve("admin.key");
    Files.writeString(admin, KEY);
    try (Place place = Place.open(s -> s.withRegistry(root).withAdminKeyFile(admin));
        Browser browser = new Browser(program)) {
      browser.look(1200, 900, false);
      compare(place, browser);
      move(place, browser);
      assertThat(registry.find(Reference.parse("support@champion")).number()).isEqualTo(1);
      assertThat(registry.log("support")).hasSize(5);
      load(place, browser);
    }
  }

  /// The answers in the columns are those of the API.
  private static void compare(Place place, Browser browser) throws Exception {
    browser.open(place.url("/ui/#playground"), ".column input");
    browser.await("[...document.querySelectorAll('.column input')].every((i) => i.value)");
    browser.eval("document.getElementById('knob-max_tokens').value = 12");
    browser.eval("document.getElementById('prompt').focus()");
    browser.type("hello there");
    browser.press("Ctrl+Enter");
    browser.await("document.getElementById('said').textContent === 'All answers are there.'");
    String[] models = {"base", "one"};
    for (int i = 0; i < models.length; i++) {
      assertThat(browser.eval("document.querySelectorAll('.column input')[%d].value".formatted(i)))
          .hasToString("\"" + models[i] + "\"");
      String alone =
          place
              .post(
                  "/v1/chat/completions",
                  Place.chat(models[i], "hello there", "\"max_tokens\": 12"))
              .json()
              .at("/choices/0/message/content")
              .asString();
      assertThat(
              browser
                  .eval("document.querySelectorAll('.answer')[%d].textContent".formatted(i))
                  .asString())
          .isEqualTo(alone)
          .isNotEmpty();
    }
    assertThat(browser.text()).contains("12 tokens", "cut at the limit");
    browser.shoot(SHOTS.resolve("real-comparison.png"));
    assertThat(browser.problems()).isEmpty();
  }

  private static void move(Place place, Browser browser) throws Exception {
    browser.open(place.url("/ui/#adapters/support"), "[data-at=\"move champion\"]");
    browser.tabTo("[data-at=\"move champion\"]");
    browser.press("Enter");
    browser.await("document.querySelector('dialog select') === document.activeElement");
    browser.press("Tab");
    browser.type("better");
    browser.press("Tab", "Enter");
    browser.await(
        "document.querySelector('dialog input[type=password]') === document.activeElement");
    browser.type(KEY);
    browser.press("Enter");
    browser.await("document.getElementById('said').textContent.includes('is at version 2 now')");
    browser.tabTo("[data-at=\"back champion\"]");
    browser.press("Enter");
    browser.await("document.querySelector('dialog textarea') === document.activeElement");
    browser.type("worse");
    browser.press("Tab", "Enter");
    browser.await("document.getElementById('said').textContent.includes('is at version 1 again')");
    browser.shoot(SHOTS.resolve("real-adapter.png"));
    assertThat(browser.problems()).singleElement().asString().contains("401");
  }

  private static void load(Place place, Browser browser) throws Exception {
    browser.open(place.url("/ui/#load"), ".tile");
    browser.await("document.querySelectorAll('.tile .value')[2].textContent !== '–'");
    assertThat(
            browser
                .eval("[...document.querySelectorAll('tbody th')].map((n) => n.textContent).join()")
                .asString())
        .contains("one");
    browser.shoot(SHOTS.resolve("real-load.png"));
    assertThat(browser.problems()).isEmpty();
  }

  @Test
  void whereClientsHaveKeysThePlaygroundAsksForOne() throws Exception {
    Path program = Browser.here();
    assumeTrue(program != null, "no Chromium on the PATH");
    Path keys = folder.resolve("keys.json");
    Files.writeString(
        keys,
        "{\"clients\": [{\"name\": \"shop\", \"key\": \"%s\", \"adapters\": [\"base\", \"other\"]}]}"
            .formatted(ApiKeys.digest(KEY)));
    try (Place place = Place.open(s -> s.withApiKeys(keys));
        Browser browser = new Browser(program)) {
      browser.open(place.url("/ui/"), ".trouble button");
      assertThat(browser.text()).contains("the key is missing");
      browser.tabTo(".trouble button");
      browser.press("Enter");
      browser.await("document.querySelector('dialog input') === document.activeElement");
      browser.type(KEY);
      browser.press("Enter");
      browser.await("document.querySelectorAll('.column input')[1].value === 'other'");
      assertThat(browser.eval("document.querySelector('.trouble') === null").asBoolean()).isTrue();
      browser.eval("document.getElementById('knob-max_tokens').value = 4");
      browser.eval("document.getElementById('prompt').focus()");
      browser.type("hello");
      browser.press("Ctrl+Enter");
      browser.await("document.getElementById('said').textContent === 'All answers are there.'");
      assertThat(browser.problems()).singleElement().asString().contains("401");
    }
  }
}
