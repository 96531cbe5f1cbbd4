package dev.nudge.model;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Modules;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// A model that is gone through layer by layer gives the logits of one that is loaded whole.
class StreamedLmTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  @ParameterizedTest
  @CsvSource({
    "llama/biased-sharded/model, peft/rslora/adapter, none, 33554432",
    "llama/grouped-tied/model, peft/all-linear/adapter, none, 33554432",
    "llama/multi-query-bf16/model, peft/regex/adapter, none, 33554432",
    "llama/minimal-f16/model, peft/f16-stored/adapter, none, 700",
    "llama/grouped-tied/model, peft/all-linear/adapter, nf4, 33554432",
    "llama/grouped-tied/model, peft/all-linear/adapter, nf4, 700",
    "bnb/double, , none, 33554432",
    "bnb/double, , none, 3000",
    "bnb/plain, , none, 700",
  })
  void logitsAreThoseOfTheWholeModel(
      Path model, @Nullable Path adapter, String quantised, long blockBytes) {
    hold(
        GOLDEN.resolve(model),
        adapter == null ? null : GOLDEN.resolve(adapter),
        quantised.equals("nf4") ? Quantization.of(new Nf4Format(true)) : null,
        blockBytes);
  }

  static List<Arguments> families() throws IOException {
    List<Arguments> all = new ArrayList<>();
    for (Path model : GoldenFamilies.models()) {
      Path stored = model.resolveSibling("nf4/model");
      Path init = model.resolveSibling("train/init");
      Path adapter = Files.exists(init) ? init : null;
      all.add(Arguments.of(model, adapter, Quantization.NONE, 700));
      if (Files.exists(stored)) {
        all.add(Arguments.of(model, adapter, Quantization.of(new Nf4Format(true)), 3000));
        all.add(Arguments.of(stored, adapter, null, 700));
      }
    }
    for (Path file : GgufModelTest.mixed()) {
      all.add(Arguments.of(file, null, null, 700));
    }
    return all;
  }

  /// @param quantization null: as the folder is stored
  @ParameterizedTest
  @MethodSource("families")
  void logitsOfEveryFamilyAreThoseOfTheWholeModel(
      Path model, @Nullable Path adapter, @Nullable Quantization quantization, long blockBytes) {
    hold(model, adapter, quantization, blockBytes);
  }

  private static void hold(
      Path folder, @Nullable Path adapter, @Nullable Quantization quantization, long blockBytes) {
    Backend backend = Backends.of(Compute.FP32);
    ModelConfig config = ModelConfig.load(folder);
    Quantization q =
        quantization == null
            ? Quantization.resolve(BnbFiles.settings(folder), config)
            : quantization;
    // more than one group of rows, one of them longer than a group
    List<int[]> sequences = sequences(config.vocabSize(), 40, 7, 300, 120, 130, 1);
    int tokens = sequences.stream().mapToInt(s -> s.length).sum();
    try (Scope scope = Scope.open("test");
        CausalLm whole = Checkpoint.load(folder, config, backend, q);
        StreamedLm streamed = StreamedLm.open(folder, config, backend, q, blockBytes)) {
      StreamedLm.Dressing dressing = StreamedLm.Dressing.NONE;
      PeftAdapter peft = adapter == null ? null : PeftAdapter.open(adapter);
      if (peft != null) {
        Adapters on = Adapters.attach(whole.modules(), peft, 0, backend.compute(), 0, scope);
        Set<String> paths = new TreeSet<>(on.paths());
        dressing = (part, s) -> Adapters.stack(part, paths, peft, 1, backend.compute(), s);
      }
      Tensor hidden = scope.tensor(backend.compute(), tokens, config.hiddenSize());
      Tensor is = scope.tensor(backend.compute(), tokens, config.vocabSize());
      long bytes = streamed.bytes(sequences, dressing, tokens);
      try (Workspace ws = new Workspace(0, bytes, backend.gemms().apply(1))) {
        Modules ends = streamed.ends(dressing, scope);
        streamed.hidden(sequences, dressing, ends, hidden, ws, () -> false);
        streamed.logits(hidden, requireNonNull(ends.head()).linear(), is, ws);
      }
      int[] ids = sequences.stream().flatMapToInt(Arrays::stream).toArray();
      int[] lengths = sequences.stream().mapToInt(s -> s.length).toArray();
      whole.reserve(300);
      Batch batch = new Batch(ids, lengths, new long[lengths.length], new int[0], new int[0]);
      try (Workspace ws = new Workspace(0, 16 << 20, backend.gemms().apply(1))) {
        Tensor expected = whole.logits(batch, ws);
        double largest = 0;
        double worst = 0;
        for (long i = 0; i < expected.elements(); i++) {
          largest = Math.max(largest, Math.abs(expected.at(i)));
          worst = Math.max(worst, Math.abs(expected.at(i) - is.at(i)));
        }
        assertThat(worst / largest).isLessThan(5e-6); // products of other tiles
      }
      if (peft != null) {
        peft.close();
      }
    }
    assertThat(Ledger.bytes()).isZero();
  }

  private static List<int[]> sequences(int vocabulary, int... lengths) {
    Random random = new Random(3);
    List<int[]> sequences = new ArrayList<>();
    for (int length : lengths) {
      sequences.add(random.ints(length, 0, vocabulary).toArray());
    }
    return sequences;
  }
}
