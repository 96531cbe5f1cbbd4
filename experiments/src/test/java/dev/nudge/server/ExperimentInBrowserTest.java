package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.server.trials.Trials;
import dev.nudge.server.ui.Browser;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// The page of experiments in Chromium, against a server that answers.
@Timeout(1800)
class ExperimentInBrowserTest {
  private static final String KEY = "an-admin-key-of-this-test";
  private static final Path SHOTS = Path.of("target/ui");
  @TempDir Path folder;

  @Test
  void anExperimentIsShownToWhoeverHasTheKeyAndStopped() throws Exception {
    Path program = Browser.here();
    assumeTrue(program != null, "no Chromium on the PATH");
    Path admin = folder.resolve("admin.key");
    Files.writeString(admin, KEY);
    try (Place place =
            Place.open(
                s -> s.withExperiments(folder.resolve("experiments")).withAdminKeyFile(admin),
                Trials::open);
        Browser browser = new Browser(program)) {
      experiment(place);
      browser.look(1200, 900, false);
      browser.open(place.url("/ui/#experiments/tone"), ".trouble button");
      browser.tabTo(".trouble button");
      browser.press("Enter");
      browser.await("document.querySelector('dialog input') === document.activeElement");
      browser.type(KEY);
      browser.press("Enter");
      browser.await("document.querySelector('svg .interval.good') !== null");
      assertThat(browser.text())
          .contains(
              "B is better",
              "score, mean, difference from A",
              "60",
              "Division of units",
              "Guardrails")
          .doesNotContain("0.00000");
      browser.shoot(SHOTS.resolve("real-experiment.png"));
      browser.tabTo("[data-at=stop]");
      browser.press("Enter");
      browser.await("document.querySelector('dialog select') === document.activeElement");
      browser.press("ArrowDown", "Tab");
      browser.type("won");
      browser.press("Tab", "Enter");
      browser.await(
          "document.getElementById('said').textContent === 'tone has stopped; B answers now.'");
      browser.await("document.querySelector('[data-at=stop]') === null");
      assertThat(browser.problems()).singleElement().asString().contains("401");
      String last =
          place
              .get("/v1/experiments/tone", "Authorization", "Bearer " + KEY)
              .json()
              .at("/stopped/reason")
              .asString();
      assertThat(last).isEqualTo("won");
    }
  }

  /// Sixty users, of whom those of B are content.
  private static void experiment(Place place) {
    Place.Reply begun =
        place.post(
            "/v1/experiments",
            """
            {"name": "tone", "min_sample": 20, "salt": "s",
             "arms": [{"name": "A", "adapter": "one"}, {"name": "B", "adapter": "other"}]}
            """,
            "Authorization",
            "Bearer " + KEY);
    assertThat(begun.status()).as(begun.text()).isEqualTo(201);
    for (int i = 0; i < 60; i++) {
      Place.Reply reply =
          place.post(
              "/v1/chat/completions",
              Place.chat("tone", "hi", "\"max_tokens\": 1"),
              "X-Experiment-Unit",
              "user-" + i);
      int score = reply.header("X-Experiment-Arm").endsWith("B") ? 1 : 0;
      String said =
          "{\"request_id\": \"%s\", \"score\": %d}".formatted(reply.header("X-Request-Id"), score);
      assertThat(place.post("/v1/feedback", said).status()).isEqualTo(200);
    }
  }
}
