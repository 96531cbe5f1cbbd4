package dev.nudge.model;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.machine.Backend;
import dev.nudge.nn.Modules;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.Compute;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
    "families/gemma2/model, families/gemma2/train/init, nf4, 3000",
    "families/gemma3/model, families/gemma3/train/init, none, 700",
    "families/gemma3-multimodal/model, families/gemma3-multimodal/train/init, nf4, 3000",
    "families/gemma3-multimodal/nf4/model, , none, 700",
    "families/granite/model, families/granite/train/init, none, 700",
    "families/olmo2/model, families/olmo2/train/init, none, 3000",
    "families/phi3/nf4/model, families/phi3/train/init, none, 3000",
    "families/phi4-mini/model, families/phi4-mini/train/init, nf4, 700",
    "families/qwen3-tied/model, families/qwen3-tied/train/init, nf4, 700",
    "families/smollm3/model, families/smollm3/train/init, none, 700",
    "families/llama-dynamic/model, families/llama-dynamic/train/init, none, 700",
  })
  void logitsAreThoseOfTheWholeModel(Path model, Path adapter, String quantised, long blockBytes) {
    Path folder = GOLDEN.resolve(model);
    Backend backend = Backends.of(Compute.FP32);
    ModelConfig config = ModelConfig.load(folder);
    Quantization q =
        quantised.equals("nf4")
            ? Quantization.of(new Nf4Format(true))
            : Quantization.resolve(BnbFiles.settings(folder), config);
    // more than one group of rows, one of them longer than a group
    List<int[]> sequences = sequences(config.vocabSize(), 40, 7, 300, 120, 130, 1);
    int tokens = sequences.stream().mapToInt(s -> s.length).sum();
    try (Scope scope = Scope.open("test");
        CausalLm whole = Checkpoint.load(folder, config, backend, q);
        StreamedLm streamed = StreamedLm.open(folder, config, backend, q, blockBytes)) {
      StreamedLm.Dressing dressing = StreamedLm.Dressing.NONE;
      PeftAdapter peft = adapter == null ? null : PeftAdapter.open(GOLDEN.resolve(adapter));
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
      try (Workspace ws = new Workspace(0, 64 << 20, backend.gemms().apply(1))) {
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
