package dev.nudge.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Packed weights that prefill passes keep change no bit, take what the limits say, from the second
/// pass on, and go with the model.
class KeptFactorsTest {
  private static final String OWNER = "packed weights of prompts";
  private static final int ANSWER = 3;
  private static final ModelConfig CONFIG =
      ModelConfig.llama(128, 192, 2, 4, 2, 32, 320, 256, true, 10_000);

  @TempDir private Path folder;

  private static long held() {
    return Ledger.byOwner().getOrDefault(OWNER, 0L);
  }

  @ParameterizedTest
  @CsvSource({"NONE,BF16", "NONE,FP32", "NF4,BF16", "NF4,FP32"})
  void answersKeepTheirBits(Quantize quantize, Compute compute) throws IOException {
    Backend backend = Backends.orSkip(compute);
    long before = held();
    try (CausalLm model =
            Checkpoint.random(CONFIG, backend, Quantization.of(quantize, true), Seeds.next());
        NamedAdapters adapters = new NamedAdapters(model.modules(), backend.compute())) {
      attach(model, adapters);
      List<List<Double>> plain = said(model, adapters, 0);
      assertThat(held()).isEqualTo(before);
      long bytes = model.packed().promptBytes();
      assertThat(bytes > 0).isEqualTo(packs(backend));
      assertThat(said(model, adapters, bytes)).isEqualTo(plain);
      assertThat(held() - before).isEqualTo(bytes);
    }
    assertThat(held()).isEqualTo(before);
  }

  private static boolean packs(Backend backend) {
    try (var gemm = backend.gemms().apply(1)) {
      return gemm.packs();
    }
  }

  /// A process that reads one prompt gains nothing by keeping.
  @Test
  void theFirstPassKeepsNothing() {
    long before = held();
    try (CausalLm model =
            Checkpoint.random(CONFIG, Backends.orSkip(Compute.BF16), Quantization.NONE, 1);
        NamedAdapters none = new NamedAdapters(model.modules(), model.backend().compute());
        Engine engine = new Engine(model, none, limits(model.packed().promptBytes()))) {
      say(engine, new int[16], null);
      assertThat(held()).isEqualTo(before);
    }
  }

  private static Limits limits(long promptBytes) {
    return new Limits(2, 8L << 20, 256, false, Limits.ROWS, 0, promptBytes);
  }

  private void attach(CausalLm model, NamedAdapters adapters) throws IOException {
    Random random = new Random(Seeds.next());
    try (Scope scope = Scope.open("test")) {
      Adapters made =
          Adapters.attach(
              model.modules(),
              Lora.of(4, 8, Targets.parse("all-linear")),
              3,
              model.backend().compute(),
              0,
              scope);
      made.parameters()
          .forEach(
              p -> {
                for (long i = 0; i < p.master().elements(); i++) {
                  p.master().put(i, random.nextGaussian() * 0.1);
                }
              });
      made.save(folder, "test");
      made.detach();
    }
    try (PeftAdapter peft = PeftAdapter.open(folder)) {
      adapters.attach("one", peft);
    }
    adapters.disable();
  }

  /// The logits of prompts that come one after the other, by the base and by an adapter.
  private static List<List<Double>> said(CausalLm model, NamedAdapters adapters, long promptBytes) {
    Random random = new Random(7);
    List<List<Double>> all = new ArrayList<>();
    try (Engine engine = new Engine(model, adapters, limits(promptBytes))) {
      for (int length : new int[] {1, 16, 130, 5, 65}) {
        int[] prompt = random.ints(length, 0, CONFIG.vocabSize()).toArray();
        all.add(say(engine, prompt, null));
        all.add(say(engine, prompt, "one"));
      }
    }
    assertThat(all.get(2)).isNotEqualTo(all.get(3)); // the adapter does something
    return all;
  }

  private static List<Double> say(Engine engine, int[] prompt, @Nullable String adapter) {
    List<Double> heard = new ArrayList<>();
    engine
        .submit(
            prompt,
            prompt.length + ANSWER,
            adapter,
            (Tensor logits, int row, int[] ids, int count) -> {
              for (int i = 0; i < CONFIG.vocabSize(); i++) {
                heard.add(logits.get(row, i));
              }
              return count == prompt.length + ANSWER - 1 ? Caller.END : count % 40;
            })
        .await();
    return heard;
  }
}
