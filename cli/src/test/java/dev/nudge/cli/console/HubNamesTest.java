package dev.nudge.cli.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.hub.Hub;
import dev.nudge.hub.HubListener;
import dev.nudge.hub.HubSettings;
import dev.nudge.hub.RepoName;
import dev.nudge.server.ServeSettings;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.ScoreSettings;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Makes paths of names in settings, from a cache that another program left; nothing is asked.
class HubNamesTest {
  private static final String COMMIT = "c".repeat(40);
  private static final String DIGEST = "d".repeat(40); // of every file: nobody reads them here

  @TempDir Path cache;
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeEach
  void fill() throws IOException {
    put("models--org--tiny", "main", "model.safetensors", "config.json");
    put("models--org--made", "v1", "adapter_model.safetensors", "adapter_config.json");
    put("datasets--org--rows", "main", "a.jsonl", "b.jsonl", "load.py");
  }

  private void put(String folder, String revision, String... files) throws IOException {
    Path repository = cache.resolve(folder);
    Files.createDirectories(repository.resolve("refs"));
    Files.writeString(repository.resolve("refs").resolve(revision), COMMIT);
    Path snapshot = Files.createDirectories(repository.resolve("snapshots").resolve(COMMIT));
    Path blobs = Files.createDirectories(repository.resolve("blobs"));
    Files.writeString(blobs.resolve(DIGEST), "x");
    for (String file : files) {
      Files.createSymbolicLink(snapshot.resolve(file), Path.of("../../blobs/" + DIGEST));
    }
  }

  private Path snapshot(String folder) {
    return cache.resolve(folder).resolve("snapshots").resolve(COMMIT);
  }

  private HubNames names() {
    PrintStream to = new PrintStream(err, true, StandardCharsets.UTF_8);
    Console console =
        new Console(new Results(new ByteArrayOutputStream()), to, false, false, false, true);
    Hub hub = Hub.of(HubSettings.of(cache).withOffline());
    return new HubNames(() -> hub, HubListener.NONE, console);
  }

  private <S extends Record> S in(Class<S> type, Map<String, ?> values) {
    Schema<S> schema = Schema.of(type);
    try (HubNames names = names()) {
      return names.in(schema, schema.of(values), HubNames.Part.WEIGHTS);
    }
  }

  @Test
  void namesOfModelsAdaptersAndDataBecomePaths() {
    ScoreSettings score =
        in(
            ScoreSettings.class,
            Map.of(
                "model", "org/tiny",
                "adapter", "org/made@v1",
                "data", List.of("hf:datasets/org/rows/*.jsonl", "mine.jsonl")));
    Map<String, Object> swept = Map.of("model", "m", "data", "d", "adapter", "sweep/rank=8/last");
    assertThat(in(ScoreSettings.class, swept).adapter()).isEqualTo(Path.of("sweep/rank=8/last"));
    assertThat(score.model().model()).isEqualTo(snapshot("models--org--tiny"));
    assertThat(score.adapter()).isEqualTo(snapshot("models--org--made"));
    Path rows = snapshot("datasets--org--rows");
    assertThat(score.data().data())
        .containsExactly(
            rows.resolve("a.jsonl").toString(), rows.resolve("b.jsonl").toString(), "mine.jsonl");
  }

  @Test
  void aServersAdaptersKeepTheirNames() {
    ServeSettings serve =
        in(
            ServeSettings.class,
            Map.of("model", "hf:org/tiny", "adapter", List.of("a=org/made@v1", "b=b@champion")));
    assertThat(serve.baseName()).isEqualTo("org/tiny");
    assertThat(serve.adapters())
        .containsExactly(
            Map.entry("a", snapshot("models--org--made").toString()), Map.entry("b", "b@champion"));
  }

  @Test
  void aFolderOfThatNameIsTheFolderUnlessTheHubIsNamed() throws IOException {
    Path folder = Files.createDirectories(cache.resolve("here"));
    Map<String, String> run = Map.of("model", folder.toString(), "data", "d", "out", "o");
    assertThat(in(TrainSettings.class, run).model().model()).isEqualTo(folder);
    assertThat(run.get("model")).doesNotStartWith("hf:");
    assertThatThrownBy(
            () -> in(TrainSettings.class, Map.of("model", "hf:no such", "data", "d", "out", "o")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("'hf:no such' is no name on the hub");
  }

  /// The tests' folder is that of the module, which has `src`.
  @Test
  void anAdapterOfAFolderThatIsHereIsNotAskedOfTheHub() {
    String model = "D".repeat(3);
    assertThat(
            in(ScoreSettings.class, Map.of("model", model, "data", "d", "adapter", "src/none"))
                .adapter())
        .hasToString("src/none");
    assertThatThrownBy(
            () ->
                in(ScoreSettings.class, Map.of("model", model, "data", "d", "adapter", "no/none")))
        .hasMessageContaining("no/none: there is no such folder here, and of the hub");
  }

  @Test
  void whatIsNeitherHereNorOnTheHubIsToldAsBoth() {
    assertThatThrownBy(
            () -> in(TrainSettings.class, Map.of("model", "org/other", "data", "d", "out", "o")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--model org/other: there is no such folder here")
        .hasMessageContaining("offline nothing is fetched")
        .hasMessageNotContaining("did you mean");
    assertThatThrownBy(
            () -> in(TrainSettings.class, Map.of("model", "org/tinny", "data", "d", "out", "o")))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith("without --offline (HF_HUB_OFFLINE) it is; did you mean org/tiny?");
    assertThatThrownBy(
            () ->
                in(
                    TrainSettings.class,
                    Map.of(
                        "model", "org/tiny",
                        "data", "d",
                        "out", "o",
                        "eval_data", "hf:datasets/org/rows/*.jsonl")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--eval-data is hf:datasets/org/rows/*.jsonl, which names 2 files");
  }

  @Test
  void theBarSaysRateAndTimeLeft() {
    long[] now = {0};
    PrintStream to = new PrintStream(err, true, StandardCharsets.UTF_8);
    Console console =
        new Console(new Results(new ByteArrayOutputStream()), to, false, false, false, false);
    HubProgress progress = new HubProgress(console, "fetching", () -> now[0]);
    progress.begin(RepoName.parse("org/tiny"), 2, 100_000_000, cache);
    now[0] = 1_000_000_000L;
    progress.progress(20_000_000, 100_000_000);
    progress.end();
    assertThat(err.toString(StandardCharsets.UTF_8))
        .contains("fetching org/tiny: 2 files, 95 MiB, into " + cache)
        .contains("fetching [####................] 19 MiB of 95 MiB  20.0 MB/s  4 s left");
  }
}
