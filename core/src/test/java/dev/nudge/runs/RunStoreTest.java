package dev.nudge.runs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Claim;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Find runs, name them, choose, compare and remove them.
class RunStoreTest {
  @TempDir Path folder;

  private final List<String> warnings = new ArrayList<>();
  private RunStore store;

  @BeforeEach
  void runs() throws IOException {
    MadeRuns.finished(folder.resolve("a"), 0);
    MadeRuns.finished(folder.resolve("deep/er/b"), 1);
    MadeRuns.of(folder.resolve("c"), 2, "running", MadeRuns.settings(2));
    store = MadeRuns.store(warnings, folder);
  }

  @Test
  void runsAreFoundBelowAFolderButNotInRunsLinksOrHiddenFolders() throws IOException {
    MadeRuns.finished(folder.resolve("a/last"), 3);
    MadeRuns.finished(folder.resolve(".hidden/h"), 4);
    MadeRuns.finished(folder.resolve("1/2/3/4/5"), 5);
    MadeRuns.finished(folder.resolve("1/2/3/4/x/6"), 6); // one too deep
    Files.createSymbolicLink(folder.resolve("link"), folder.resolve("a"));
    assertThat(MadeRuns.names(store.list())).containsExactly("5", "a", "c", "b");
    assertThat(MadeRuns.names(MadeRuns.store(warnings, folder, folder.resolve("a")).list()))
        .containsExactly("5", "a", "c", "b");
    assertThat(MadeRuns.names(MadeRuns.store(warnings, folder.resolve("a")).list()))
        .containsExactly("a");
    assertThat(warnings).isEmpty();
  }

  @Test
  void aSummaryHoldsWhatRunJsonSays() {
    RunSummary a = store.list().getFirst();
    assertThat(a.values())
        .containsEntry("id", "20261101-100000-000000")
        .containsEntry("name", "a")
        .containsEntry("folder", folder.resolve("a").toString())
        .containsEntry("state", "finished")
        .containsEntry("started", "2026-11-01T10:00:00Z")
        .containsEntry("model", "models/tiny")
        .containsEntry("quantize", "none")
        .containsEntry("steps", 2)
        .containsEntry("held_out", 0.5)
        .containsEntry("loss", 1.0)
        .containsEntry("tokens_per_s", 250.0)
        .containsEntry("cost", null);
  }

  @Test
  void aRunOfDoraIsToldFromOneOfLora() throws IOException {
    Map<String, Object> dora = new HashMap<>(MadeRuns.settings(0));
    dora.put("dora", true);
    MadeRuns.of(folder.resolve("dora"), 7, "finished", dora);
    assertThat(store.list().stream().filter(run -> run.name().equals("dora")).toList())
        .singleElement()
        .satisfies(run -> assertThat(run.values()).containsEntry("method", "dora"));
    assertThat(store.list().getFirst().values()).containsEntry("method", "lora");
  }

  @Test
  void aRunThatNoProcessHasWasKilled() throws IOException {
    Files.writeString(
        folder.resolve("c/metrics.jsonl"),
        "{\"step\":1,\"loss\":2.0}\n"
            + "{\"step\":2,\"loss\":1.0}\n"
            + "{\"step\":3,\"loss\":0.75}\n"
            + "{\"step\":4,\"l");
    RunSummary killed = store.open("c").summary();
    assertThat(killed.state()).isEqualTo(RunStatus.KILLED);
    assertThat(killed.steps()).isEqualTo(3); // one more than its last save says
    assertThat(killed.loss()).isEqualTo(0.75);
    try (Claim claim = Claim.of(folder.resolve("c"))) {
      assertThat(store.open("c").summary().state()).isEqualTo(RunStatus.RUNNING);
      assertThat(store.list().get(1).state()).isEqualTo(RunStatus.RUNNING);
    }
    assertThat(store.list().get(1).state()).isEqualTo(RunStatus.KILLED);
  }

  @Test
  void aRunIsNamedByItsFolderItsIdTheStartOfItOrTheFoldersName() {
    String id = "20261101-100100-000001";
    for (String name : List.of(id, "20261101-1001", "b", folder.resolve("deep/er/b").toString())) {
      assertThat(store.open(name).summary().id()).as(name).isEqualTo(id);
    }
    assertThat(store.open(List.of("a", "20261101-100000", "b"))).hasSize(2);
  }

  @Test
  void whatIsNoRunIsRefusedInOneLine() throws IOException {
    refused(
        "nope",
        "there is no run 'nope' under D; nudge runs list shows what is there, --runs looks"
            + " elsewhere");
    refused(
        "2026",
        "'2026' is 3 runs: 20261101-100000-000000 in D/a, 20261101-100200-000002 in D/c,"
            + " 20261101-100100-000001 in D/deep/er/b; give more of the id, or the folder");
    refused("D/deep", "D/deep is not a run's folder: it holds no run.json; give one, or an id");
    refused("D/a/run.json", "D/a/run.json is a file; give a run's folder or its id");
    refused(" ", "RUN is ' '; it must be a run's id or folder");
    Files.createDirectories(folder.resolve("empty"));
    refused("D/empty", "D/empty is not a run's folder: it holds no run.json; give one, or an id");
    MadeRuns.edit(folder.resolve("a/run.json"), "\"finished\"", "\"resting\"");
    refused("D/a", "D/a/run.json is damaged or of a newer nudge; fix it, or update nudge");
    assertThatThrownBy(() -> MadeRuns.store(warnings, folder.resolve("none")))
        .isInstanceOf(InputException.class)
        .hasMessage("--runs is " + folder.resolve("none") + "; there is no such folder");
  }

  @Test
  void aTornRunJsonIsToldAndLeavesTheOthers() throws IOException {
    Path torn = folder.resolve("a/run.json");
    Files.writeString(torn, Files.readString(torn).substring(0, 100));
    assertThat(MadeRuns.names(store.list())).containsExactly("c", "b");
    assertThat(warnings).singleElement().asString().startsWith(torn + " is not JSON, line ");
    assertThat(warnings.getFirst()).endsWith("; the run is left out").doesNotContain("\n");
    assertThatThrownBy(() -> store.open(folder.resolve("a").toString()))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(torn + " is not JSON, line ");
  }

  private void refused(String run, String message) {
    String here = folder.toString();
    assertThatThrownBy(() -> store.open(run.replaceFirst("^D", here)))
        .isInstanceOf(InputException.class)
        .hasMessage(message.replaceAll("\\bD(?=[/;])", here));
  }

  @Test
  void conditionsOnSettingsAndStateChoose() {
    List<RunSummary> all = store.list();
    assertThat(chosen(all, "state=finished")).containsExactly("a", "b");
    assertThat(chosen(all, "state=killed")).containsExactly("c");
    assertThat(chosen(all, "rank=9")).containsExactly("b");
    assertThat(chosen(all, "learning-rate=0.0002", "quantize=none")).containsExactly("a", "c");
    assertThat(chosen(all, "learning_rate=2e-4")).hasSize(3);
    assertThat(chosen(all, "model=tiny")).hasSize(3);
    assertThat(chosen(all, "data=a.jsonl")).hasSize(3);
    assertThat(chosen(all, "eval_data=null")).hasSize(3);
    assertThat(chosen(all, "held-out=null")).containsExactly("b");
    assertThat(chosen(all, "rank=x")).isEmpty();
    assertThatThrownBy(() -> chosen(all, "rang=8"))
        .isInstanceOf(InputException.class)
        .hasMessage("--where names 'rang', which is no setting of these runs; did you mean rank?");
    assertThatThrownBy(() -> chosen(all, "rank"))
        .hasMessage("--where is 'rank'; it must be key=value, such as state=finished");
  }

  private static List<String> chosen(List<RunSummary> all, String... conditions) {
    return MadeRuns.names(RunFilter.of(all, List.of(conditions)));
  }

  @Test
  void everyColumnSortsAndWhatHasNoValueComesLastEitherWay() {
    List<RunSummary> all = store.list();
    assertThat(sorted(all, RunColumn.STARTED, false)).containsExactly("a", "b", "c");
    assertThat(sorted(all, RunColumn.STARTED, true)).containsExactly("c", "b", "a");
    assertThat(sorted(all, RunColumn.HELD_OUT, false)).containsExactly("a", "c", "b");
    assertThat(sorted(all, RunColumn.HELD_OUT, true)).containsExactly("c", "a", "b");
    assertThat(sorted(all, RunColumn.LOSS, false)).containsExactly("c", "b", "a");
    assertThat(sorted(all, RunColumn.COST, true)).containsExactly("c", "b", "a");
    for (RunColumn column : RunColumn.values()) {
      assertThat(sorted(all, column, true)).as(column.word()).hasSize(3);
    }
  }

  private static List<String> sorted(List<RunSummary> all, RunColumn by, boolean reverse) {
    return MadeRuns.names(RunFilter.sorted(all, by, reverse));
  }

  @Test
  void aComparisonHoldsWhatDiffersAlone() {
    var different = RunComparison.of(store.open(List.of("a", "b", "c")));
    assertThat(different.keySet()).containsExactly("quantize", "rank", "digests.data");
    assertThat(different.values().iterator().next().stream().map(RunComparison::shown))
        .containsExactly("none", "nf4", "none");
    assertThat(RunComparison.of(store.open(List.of("a", "c"))).keySet())
        .containsExactly("rank", "digests.data");
  }

  /// `bench/runs` measures how long a list of a thousand takes.
  @Test
  void aListReadsOneFileOfAFinishedRun() throws IOException {
    List<RunSummary> all = store.list();
    for (RunSummary run : all) {
      try (Stream<Path> files = Files.list(run.folder())) {
        for (Path file : files.filter(f -> !f.endsWith("run.json")).toList()) {
          Files.delete(file);
        }
      }
    }
    assertThat(store.list()).hasSize(3).isEqualTo(all);
  }

  @Test
  void removingTakesWhatTheRunWroteAndLeavesTheRest() throws IOException {
    Path a = folder.resolve("a");
    Files.createDirectories(a.resolve("last"));
    Files.writeString(a.resolve("last/adapter_config.json"), "{}");
    Files.writeString(a.resolve("loss.svg"), "<svg/>");
    Files.writeString(a.resolve("notes.txt"), "mine");
    Files.createDirectories(a.resolve(".nudge.new"));
    Files.writeString(a.resolve(".nudge.new/left"), "by a killed process");
    Path half = Files.createDirectories(a.resolve("checkpoints/..step-000100.grown.new"));
    Files.writeString(half.resolve("state.safetensors"), "half");
    RunRemoval.Removed removed = RunRemoval.remove(store.open("a"));
    assertThat(removed.files()).isEqualTo(6);
    assertThat(removed.kept()).containsExactly("notes.txt");
    try (Stream<Path> left = Files.walk(a)) {
      assertThat(left).containsExactlyInAnyOrder(a, a.resolve("notes.txt"));
    }
    assertThat(RunRemoval.remove(store.open("b")).kept()).isEmpty();
    assertThat(folder.resolve("deep/er/b")).doesNotExist();
    assertThat(folder.resolve("deep/er")).isDirectory();
    assertThat(MadeRuns.names(store.list())).containsExactly("c");
  }

  @Test
  void removingFollowsNoLinkOutOfTheFolder() throws IOException {
    Path outside = Files.createDirectories(folder.resolve("outside"));
    Path kept = Files.writeString(outside.resolve("adapter_config.json"), "{}");
    Path weights = Files.writeString(outside.resolve("weights"), "w");
    Path a = folder.resolve("a");
    Files.createSymbolicLink(a.resolve("last"), outside);
    Files.createSymbolicLink(a.resolve("nudge.json"), weights);
    // a model's index that names a file elsewhere
    Files.writeString(a.resolve("config.json"), "{\"model_type\": \"llama\"}");
    Files.writeString(
        a.resolve("model.safetensors.index.json"),
        "{\"weight_map\": {\"w\": \"../outside/weights\"}}");
    RunRemoval.remove(store.open("a"));
    assertThat(kept).exists();
    assertThat(weights).exists();
    assertThat(a.resolve("run.json")).doesNotExist();
    assertThat(Files.exists(a.resolve("nudge.json"), java.nio.file.LinkOption.NOFOLLOW_LINKS))
        .isFalse();
  }

  @Test
  void aRunningRunIsNotRemoved() {
    StoredRun c = store.open("c");
    try (Claim claim = Claim.of(folder.resolve("c"))) {
      assertThatThrownBy(() -> RunRemoval.remove(c))
          .isInstanceOf(InputException.class)
          .hasMessage(
              "run 20261101-100200-000002 is running in "
                  + folder.resolve("c")
                  + "; stop it first");
    }
    assertThat(folder.resolve("c/run.json")).exists();
    RunRemoval.remove(c); // killed by now
    assertThat(folder.resolve("c")).doesNotExist();
  }
}
