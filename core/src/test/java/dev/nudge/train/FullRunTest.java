package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.SafeTensors;
import dev.nudge.generate.Scoring;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.tensor.Ledger;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// Makes whole runs of full fine-tuning and looks at what they leave: a model folder.
class FullRunTest {
  @TempDir private Path temp;

  private TrainSettings settings(Path model, Path out, Object... more) throws IOException {
    Path data = TinyRun.rows(temp.resolve("rows"), 12, 60, 3);
    List<Object> all = new ArrayList<>(List.of("method", "full", "batch_size", 4));
    all.addAll(List.of(more));
    return TinyRun.settings(model, data, out, all.toArray());
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }

  private static double loss(Path model, Path data) {
    return Scoring.score(
            ScoreSettings.of(
                Map.of("model", model, "data", List.of(data.toString()), "compute", "fp32")),
            TinyRun.MACHINE,
            row -> {},
            warning -> {})
        .loss();
  }

  private static boolean changed(Path base, Path out, String tensor) {
    try (SafeTensors before = SafeTensors.open(base);
        SafeTensors after = SafeTensors.open(out)) {
      return before.bytes(tensor).mismatch(after.bytes(tensor)) != -1;
    }
  }

  @ParameterizedTest
  @CsvSource({"fp32, adamw", "auto, adamw-8bit"})
  void theFolderIsAModelThatScoresLikeTheRun(String compute, String optimizer) throws IOException {
    long held = Ledger.bytes();
    for (Path base : List.of(TinyRun.TIED, TinyRun.UNTIED)) {
      Path out = temp.resolve(base.equals(TinyRun.TIED) ? "tied" : "untied");
      TrainSettings settings =
          settings(
              base,
              out,
              "compute",
              compute,
              "optimizer",
              optimizer,
              "epochs",
              4,
              "learning_rate",
              5e-3);
      RunResult result = TinyRun.run(settings);
      assertThat(result.state()).isEqualTo(RunState.FINISHED);
      assertThat(names(out))
          .containsExactly(
              "config.json",
              "events.jsonl",
              "generation_config.json",
              "loss.svg",
              "metrics.jsonl",
              "model.safetensors",
              "run.json",
              "tokenizer.json",
              "tokenizer_config.json");
      try (SafeTensors before = SafeTensors.open(base);
          SafeTensors after = SafeTensors.open(out)) {
        assertThat(after.names()).isEqualTo(before.names());
        for (String name : before.names()) {
          assertThat(after.entry(name)).isEqualTo(before.entry(name));
          assertThat(changed(base, out, name)).as(name).isTrue();
        }
      }
      JsonNode run = TinyRun.record(out);
      assertThat(run.get("trained_parameters").asLong())
          .isEqualTo(ModelConfig.load(base).parameters())
          .isEqualTo(run.get("all_parameters").asLong());
      List<JsonNode> steps = TinyRun.metrics(out, "loss");
      assertThat(steps).hasSize(12);
      Path data = temp.resolve("rows");
      double before = loss(base, data);
      double after = loss(out, data);
      assertThat(after).isLessThan(0.9 * before);
      assertThat(after).isLessThan(steps.getLast().get("loss").asDouble() * 1.1);
    }
    assertThat(Ledger.bytes()).isEqualTo(held);
  }

  /// From 256 labelled rows on a head that trains is packed for the pass, and its rows get company
  /// in whole tiles: the plan has room for that, alone and where a row is cut over lanes.
  @ParameterizedTest
  @CsvSource({"1, 257", "1, 300", "2, 512"})
  void aHeadOfManyRowsHasTheRoomThatWasPlanned(int lanes, int tokens) throws IOException {
    String text = "seal pump valve ".repeat(tokens);
    Path data = Files.writeString(temp.resolve("text"), "{\"text\": \"" + text + "\"}\n");
    for (String compute : List.of("fp32", "auto")) {
      Path out = temp.resolve(compute);
      TinyRun.run(
          TinyRun.settings(
              TinyRun.TIED,
              data,
              out,
              "method full truncate true batch_size 1 steps 2",
              "compute",
              compute,
              "lanes",
              lanes,
              "max_length",
              tokens));
      assertThat(TinyRun.metrics(out, "loss"))
          .allMatch(step -> step.get("tokens").asInt() == tokens);
    }
  }

  @Test
  void theSameSettingsGiveTheSameBytes() throws IOException {
    for (String name : List.of("a", "b")) {
      TinyRun.run(settings(TinyRun.TIED, temp.resolve(name), "lanes", 2));
    }
    assertThat(
            Files.mismatch(
                temp.resolve("a/model.safetensors"), temp.resolve("b/model.safetensors")))
        .isEqualTo(-1);
  }

  @Test
  void theBestIsTheFolderItselfAndTheLastLiesBeside() throws IOException {
    Path held = TinyRun.rows(temp.resolve("held"), 5, 60, 9);
    Path out = temp.resolve("out");
    TinyRun.run(
        settings(
            TinyRun.TIED,
            out,
            "eval_data",
            held.toString(),
            "eval_steps",
            1,
            "learning_rate",
            0.1,
            "schedule",
            "constant",
            "compute",
            "fp32",
            "epochs",
            3));
    JsonNode totals = TinyRun.record(out).get("totals");
    assertThat(totals.get("best_step").asInt()).isLessThan(9);
    assertThat(names(out)).contains("last", "model.safetensors");
    assertThat(names(out.resolve("last")))
        .containsExactly(
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json");
    double best = totals.get("eval_loss_best").asDouble();
    assertThat(Math.abs(loss(out, held) - best)).isLessThan(1e-5 * best);
    assertThat(loss(out.resolve("last"), held)).isGreaterThan(best);

    // another run in its place leaves nothing of it behind
    TinyRun.run(settings(TinyRun.UNTIED, out, "overwrite", true, "steps", 1));
    assertThat(names(out)).doesNotContain("last");
    Path data = temp.resolve("rows");
    TinyRun.run(TinyRun.settings(TinyRun.TIED, data, out, "overwrite", true, "steps", 1));
    assertThat(names(out)).doesNotContain("model.safetensors", "config.json");
  }

  @Test
  void whatIsFrozenStaysAsItIs() throws IOException {
    Path out = temp.resolve("out");
    TinyRun.run(
        settings(
            TinyRun.UNTIED,
            out,
            "freeze",
            List.of("embed_tokens", "model.layers.0", "/.*norm/"),
            "steps",
            2,
            "learning_rate",
            1e-2));
    TreeSet<String> trained = new TreeSet<>();
    try (SafeTensors file = SafeTensors.open(TinyRun.UNTIED)) {
      for (String name : file.names()) {
        if (changed(TinyRun.UNTIED, out, name)) {
          trained.add(name);
        }
      }
      assertThat(trained)
          .isEqualTo(
              new TreeSet<>(
                  file.names().stream()
                      .filter(n -> n.matches("lm_head.weight|model.layers.[12].*proj.*"))
                      .toList()));
    }
  }

  @Test
  void refusalsAreOneLineBeforeAnythingIsWritten() throws IOException {
    refused(
        "--freeze 'q_prj' matches no module or tensor of the model; did you mean q_proj",
        TinyRun.TIED,
        "freeze",
        List.of("q_prj"));
    refused("--freeze model leaves nothing to train", TinyRun.TIED, "freeze", List.of("model"));
    refused("--rank is given with --method full", TinyRun.TIED, "rank", 8);
    refused("--quantize nf4 is given with --method full", TinyRun.TIED, "quantize", "nf4");
    refused(
        "--freeze is given without --method full",
        TinyRun.TIED,
        "method",
        "lora",
        "freeze",
        List.of("q_proj"));
    Path nf4 = temp.resolve("nf4");
    assertThat(
            QuantizedFolder.prepare(QuantizeSettings.of(Map.of("model", TinyRun.TIED, "out", nf4)))
                .write(Kernels.fastest(), () -> false))
        .isNotNull();
    refused("are stored in nf4, which cannot be trained", nf4);
    Path copy = Files.createDirectories(temp.resolve("copy"));
    try (Stream<Path> files = Files.list(TinyRun.TIED)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    assertThatThrownBy(() -> Training.finished(settings(copy, copy, "overwrite", true)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is where the model of this run is");
    assertThatThrownBy(() -> Training.finished(settings(TinyRun.TIED, copy, "overwrite", true)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("holds a model that is not a run of nudge");
  }

  private void refused(String message, Path model, Object... more) {
    Path out = temp.resolve("refused");
    assertThatThrownBy(() -> Training.prepare(settings(model, out, more), TinyRun.MACHINE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
    assertThat(out).doesNotExist();
  }
}
