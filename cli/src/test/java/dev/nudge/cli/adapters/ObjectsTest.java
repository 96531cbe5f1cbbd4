package dev.nudge.cli.adapters;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.Ran;
import dev.nudge.cli.console.Verb;
import dev.nudge.cli.train.InitVerb;
import dev.nudge.export.Exported;
import dev.nudge.hub.Hub;
import dev.nudge.init.FreshFolder;
import dev.nudge.merge.Merged;
import dev.nudge.merge.ModelDifference;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.settings.verb.ExportSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/// Holds the objects that commands print of the library's own records, to the byte.
class ObjectsTest {
  @TempDir Path folder;

  private static String out(Verb<?> verb, String... flags) {
    List<String> line = new ArrayList<>(List.of(verb.name()));
    line.addAll(List.of(flags));
    line.addAll(List.of("--out", "o", "--json"));
    return Ran.of(List.of(verb), line.toArray(String[]::new)).out();
  }

  @Test
  void mergePrintsItsDifferenceBesideTheRest() {
    Merged merged =
        new Merged(
            true,
            Path.of("o"),
            List.of(new Merged.Part(Path.of("a/b"), 0.5)),
            7,
            900,
            new ModelDifference(511, 0.25, 0.125, 1e-4, 12.5, 12.25),
            0.01,
            1.5);
    assertThat(out(new MergeVerb((_, _, _) -> merged), "--model", "m", "--adapter", "a"))
        .isEqualTo(
            "{\"accepted\":true,\"out\":\"o\",\"adapters\":[{\"adapter\":\"a/b\",\"scale\":0.5}],"
                + "\"layers\":7,\"bytes\":900,\"tokens\":511,\"max_logit_difference\":0.25,"
                + "\"mean_logit_difference\":0.125,\"kl\":1.0E-4,\"perplexity\":12.5,"
                + "\"merged_perplexity\":12.25,\"tolerance\":0.01,\"seconds\":1.5}\n");
  }

  @Test
  void quantizePrintsWhatWasWritten() {
    QuantizedFolder.Written written =
        new QuantizedFolder.Written(Path.of("o"), 7, 900, 300, 1.5, null);
    assertThat(out(new QuantizeVerb((_, _, _, _) -> written), "--model", "m"))
        .isEqualTo(
            "{\"out\":\"o\",\"layers\":7,\"source_bytes\":900,\"bytes\":300,\"seconds\":1.5}\n");
  }

  @Test
  void exportPrintsWhatWasWritten() {
    Exported written =
        new Exported(Path.of("o.gguf"), Path.of("Modelfile"), "llama", "q4_k", 21, 300, null, 1.5);
    assertThat(out(new ExportVerb((_, _, _) -> written), "--model", "m"))
        .isEqualTo(
            "{\"out\":\"o.gguf\",\"modelfile\":\"Modelfile\",\"architecture\":\"llama\",\"type\":\"q4_k\",\"tensors\":21,\"bytes\":300,\"licence\":null,\"seconds\":1.5}\n");
  }

  /// Offline, as without a token.
  @Test
  void exportWritesNothingWhereItMayNotPublish() {
    List<ExportSettings> asked = new ArrayList<>();
    ExportVerb verb =
        new ExportVerb(
            (settings, _, _) -> {
              asked.add(settings);
              return null;
            });
    String out = folder.resolve("o.gguf").toString();
    Ran ran =
        Ran.of(
            List.of(verb),
            List.of("export", "--model", "m", "--out", out, "--push", "hf:org/x", "--offline")
                .toArray(String[]::new));
    assertThat(ran.err()).startsWith("nudge: ").contains("org/x cannot be published: offline");
    assertThat(ran.code()).isEqualTo(2);
    assertThat(asked).isEmpty();
  }

  /// One object, also where the folder is published; by then Ctrl-C ends the process again.
  @Test
  void exportPrintsWhatWasPublishedInTheSameObject() {
    Exported written =
        new Exported(folder.resolve("o.gguf"), null, "llama", "f16", 21, 300, "mit", 1.5);
    List<String> handlers = new ArrayList<>();
    ExportVerb verb =
        new ExportVerb(
            (_, _, _) -> written,
            (_, name, _, _, _) -> {
              Signal signal = new Signal("INT");
              SignalHandler now = Signal.handle(signal, SignalHandler.SIG_DFL);
              Signal.handle(signal, now);
              handlers.add(now.getClass().getName());
              return new Hub.Published("c1", "https://hub/" + name.id(), 300, List.of());
            });
    Ran ran =
        Ran.of(
            List.of(verb),
            "export",
            "--model",
            "m",
            "--out",
            written.out().toString(),
            "--push",
            "hf:org/x",
            "--json");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out())
        .isEqualTo(
            "{\"out\":\"%s\",\"modelfile\":null,\"architecture\":\"llama\",\"type\":\"f16\","
                    .formatted(written.out())
                + "\"tensors\":21,\"bytes\":300,\"licence\":\"mit\",\"seconds\":1.5,"
                + "\"published\":{\"commit\":\"c1\",\"address\":\"https://hub/org/x\","
                + "\"bytes\":300,\"left\":[]}}\n");
    assertThat(handlers).hasSize(1).noneMatch(name -> name.contains("Signals"));
  }

  @Test
  void initPrintsWhatWasWritten() {
    FreshFolder.Written written = new FreshFolder.Written(Path.of("o"), 11, 44, 260, 3, 1.5);
    assertThat(out(new InitVerb((_, _) -> written), "--config", "c.json"))
        .isEqualTo(
            "{\"out\":\"o\",\"parameters\":11,\"bytes\":44,\"vocabulary\":260,\"merges\":3,"
                + "\"seconds\":1.5}\n");
  }
}
