package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.format.Json;
import dev.nudge.generate.Scoring;
import dev.nudge.generate.Session;
import dev.nudge.merge.Merging;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Trains adapters with new tokens in whole runs, and answers with them: the tokens are known
/// wherever the adapter is, a merged folder scores as the adapter does, and a run that goes on from
/// the adapter knows them too.
class AddedTokensTest {
  @TempDir Path temp;

  @ParameterizedTest
  @CsvSource({
    "tied,   '',                     bf16, none",
    "untied, '',                     fp32, nf4",
    "tied,   'embed_tokens',         fp32, none",
    "untied, 'embed_tokens,lm_head', bf16, nf4",
    "untied, 'lm_head,norm',         fp32, none",
  })
  void newTokensAreKnownWhereverTheAdapterIs(
      String ends, String saved, String compute, String quantize) throws IOException {
    Backends.orSkip(Compute.valueOf(compute.toUpperCase(Locale.ROOT)));
    Path model = ends.equals("tied") ? TinyRun.TIED : TinyRun.UNTIED;
    Path tokens = Files.writeString(temp.resolve("tokens.txt"), "<tool>\n\nrotor-7\n");
    Path data = temp.resolve("rows.jsonl");
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      lines.add(TinyRun.row("the <tool> of pump " + i, i % 2 == 0 ? " rotor-7" : " <tool> seal"));
    }
    Files.write(data, lines);
    Path out = temp.resolve("out");
    Map<String, Object> more =
        saved.isEmpty() ? Map.of() : Map.of("modules_to_save", List.of(saved));
    var settings =
        TinyRun.settings(
            model,
            data,
            out,
            "steps 6 batch_size 8 warmup 0 learning_rate 1e-2 eval_steps 2 dropout 0.1"
                + " lanes 2",
            "add_tokens",
            tokens,
            "eval_data",
            data.toString(),
            "compute",
            compute,
            "quantize",
            quantize);
    for (Map.Entry<String, Object> e : more.entrySet()) {
      settings = settings.with(e.getKey(), e.getValue());
    }
    TinyRun.run(settings);
    assertThat(Training.finished(settings)).isTrue();
    List<Double> losses = new ArrayList<>();
    TinyRun.metrics(out, "eval_loss").forEach(n -> losses.add(n.get("eval_loss").asDouble()));
    assertThat(losses.getLast()).isLessThan(losses.getFirst());

    int known = ModelConfig.load(model).vocabSize();
    Tokenizer tokenizer = Tokenizer.load(out);
    int tool = tokenizer.id("<tool>").orElseThrow();
    assertThat(tokenizer.ids("a <tool>")).contains(tool);
    ModelSettings held =
        ModelSettings.of(model).with("quantize", quantize).with("compute", compute);
    try (Session session = Session.load(held, out, TinyRun.MACHINE, w -> {})) {
      assertThat(session.config().vocabSize()).isEqualTo(Math.max(known, tool + 2));
      assertThat(session.tokenizer().ids("a <tool>")).contains(tool);
      session.complete("the <tool> of pump 3");
    }
    try (Session bare = Session.load(held, null, TinyRun.MACHINE, w -> {})) {
      assertThatThrownBy(() -> bare.attach("late", out))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("brings a tokenizer of its own");
      assertThat(bare.config().vocabSize()).isEqualTo(known);
    }

    Path merged = temp.resolve("merged");
    MergeSettings merge =
        MergeSettings.of(Map.of("model", model, "adapter", List.of(out.toString()), "out", merged));
    var result =
        Objects.requireNonNull(Merging.prepare(merge, TinyRun.MACHINE, w -> {}).run(() -> false));
    assertThat(result.difference().kl()).isLessThan(1e-9);
    assertThat(Json.read(merged.resolve("config.json")).path("vocab_size").asInt())
        .isEqualTo(Math.max(known, tool + 2));
    double withAdapter = loss(held, out, data);
    double ofMerged = loss(ModelSettings.of(merged).with("compute", compute), null, data);
    assertThat(Math.abs(ofMerged - withAdapter) / withAdapter)
        .isLessThan(compute.equals("fp32") ? 1e-6 : 1e-2);

    var on =
        TinyRun.settings(
            model,
            data,
            temp.resolve("on"),
            "steps 2 batch_size 8 warmup 0",
            "init_adapter",
            out,
            "compute",
            compute,
            "quantize",
            quantize);
    TinyRun.run(on);
    double first = TinyRun.metrics(temp.resolve("on"), "loss").getFirst().get("loss").asDouble();
    assertThat(first).isLessThan(losses.getFirst());
    assertThat(Files.readString(temp.resolve("on/tokenizer.json")))
        .isEqualTo(Files.readString(out.resolve("tokenizer.json")));
  }

  /// Rows with new tokens cannot go through the base alone, which has no rows for them.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          init      | eva | --init eva sends them through it; take another --init
          objective | dpo | --reference base sends them through it; add them by a run with
          """)
  void theBaseAloneIsAskedNothingOfNewTokens(String key, String value, String why)
      throws IOException {
    Path tokens = Files.writeString(temp.resolve("tokens.txt"), "<tool>\n");
    Path data = temp.resolve("rows.jsonl");
    String row =
        """
        {"prompt": "the %s", "chosen": " a", "rejected": " b", "completion": " a"}
        """;
    Files.writeString(data, row.formatted("<tool>"));
    assertThatThrownBy(() -> prepare(data, key, value, "add_tokens", tokens))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("the base has no rows for the new tokens, and " + why);
    Files.writeString(data, row.formatted("pump")); // which the base knows
    prepare(data, key, value, "add_tokens", tokens);
  }

  private void prepare(Path data, Object... more) {
    Training.prepare(
        TinyRun.settings(
            TinyRun.UNTIED,
            data,
            temp.resolve("no"),
            Stream.concat(Stream.of("steps 1 rank 1"), Stream.of(more)).toArray()),
        TinyRun.MACHINE);
  }

  private static double loss(ModelSettings model, @Nullable Path adapter, Path data) {
    Map<String, Object> values = new HashMap<>();
    values.put("model", model.model());
    values.put("data", List.of(data.toString()));
    values.put("compute", model.compute());
    if (model.quantize() != null) {
      values.put("quantize", model.quantize());
    }
    if (adapter != null) {
      values.put("adapter", adapter);
    }
    ScoreSettings settings = ScoreSettings.of(values);
    return Scoring.score(settings, TinyRun.MACHINE, row -> {}, n -> {}, w -> {}).loss();
  }
}
