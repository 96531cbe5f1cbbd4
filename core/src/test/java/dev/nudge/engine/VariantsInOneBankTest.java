package dev.nudge.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.DenseLinear;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// DoRA, LoRA with biases, plain LoRA and the base in one batch: each sequence has the bits that it
/// has alone.
@Timeout(value = 1800, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class VariantsInOneBankTest {
  private static final Path LLAMA = Path.of("src/test/resources/golden/llama/biased-sharded/model");
  private static final Path OF_NF4 =
      Path.of("src/test/resources/golden/train-nf4/plain-biased/model");
  private static final int TOKENS = 5;
  private static final int LONGEST = 256;

  @TempDir private Path temp;
  private final Random random = new Random(Seeds.next());

  /// Makes an adapter, saves it and attaches it by name.
  private void attach(
      NamedAdapters named, CausalLm model, Lora.Variant variant, int rank, String name) {
    try (Scope scope = Scope.open("made")) {
      Lora spec = Lora.of(rank, 8, Targets.parse("all-linear")).withVariant(variant);
      Adapters made =
          Adapters.attach(model.modules(), spec, 3, model.backend().compute(), 0, scope);
      made.begin(model.backend(), 1);
      made.parameters()
          .forEach(
              p -> {
                Tensor master = p.master();
                for (long i = 0; i < master.elements(); i++) {
                  master.put(i, master.at(i) + random.nextGaussian() * 0.05);
                }
              });
      made.save(temp.resolve(name), "test");
      Path config = temp.resolve(name).resolve("adapter_config.json"); // PEFT trains DoRA with it
      String text = Files.readString(config);
      String dropped = text.replaceFirst("\"lora_dropout\" ?: 0.0", "\"lora_dropout\": 0.05");
      assertThat(dropped).isNotEqualTo(text);
      Files.writeString(config, dropped);
      made.detach();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    try (PeftAdapter peft = PeftAdapter.open(temp.resolve(name))) {
      named.attach(name, peft);
      named.disable();
    }
  }

  @ParameterizedTest
  @EnumSource(Lora.Variant.class)
  void mergedItAnswersAsAttached(Lora.Variant variant) {
    ModelConfig config = ModelConfig.load(LLAMA);
    try (CausalLm model =
            Checkpoint.load(LLAMA, config, Backends.of(Compute.FP32), Quantization.NONE);
        NamedAdapters named = new NamedAdapters(model.modules(), model.backend().compute())) {
      attach(named, model, variant, 4, "a");
      try (PeftAdapter peft = PeftAdapter.open(temp.resolve("a"));
          NamedAdapters.LoadedAdapter made = named.merge(peft, model.backend())) {
        named.attach("merged", made);
      }
      int[] prompt = random.ints(9, 0, config.vocabSize()).toArray();
      List<Double> attached = new ArrayList<>();
      List<Double> merged = new ArrayList<>();
      try (Engine engine = new Engine(model, named, new Limits(2, 8L << 20, LONGEST, false))) {
        engine.submit(prompt, 192, "a", says(attached)).await();
        engine.submit(prompt, 192, "merged", says(merged)).await();
      }
      for (int i = 0; i < TOKENS; i++) {
        assertThat(merged.get(i)).isCloseTo(attached.get(i), within(1e-4));
      }
    }
    try (Scope scope = Scope.open("stacked");
        CausalLm model =
            Checkpoint.load(LLAMA, config, Backends.of(Compute.FP32), Quantization.NONE);
        PeftAdapter peft = PeftAdapter.open(temp.resolve("a"))) {
      Set<String> paths = new HashSet<>();
      peft.fit(ModelShape.of(model.modules())).forEach(layer -> paths.add(layer.path()));
      Adapters.stack(model.modules(), paths, peft, 1, model.backend().compute(), scope);
      assertThat(model.modules().linears()).noneMatch(slot -> slot.linear() instanceof DenseLinear);
    }
  }

  /// Ends after some tokens, and notes a logit of each.
  private static Caller says(List<Double> heard) {
    return (logits, row, ids, count) -> {
      heard.add(logits.get(row, 5));
      return heard.size() == TOKENS ? Caller.END : 7 + heard.size();
    };
  }

  @ParameterizedTest
  @CsvSource({"FP32, false", "BF16, false", "FP32, true"})
  void eachAnswersAsAlone(Compute compute, boolean nf4) throws InterruptedException {
    Path folder = nf4 ? OF_NF4 : LLAMA;
    Quantization q = nf4 ? Quantization.of(new Nf4Format(true)) : Quantization.NONE;
    ModelConfig config = ModelConfig.load(folder);
    List<@Nullable String> names = new ArrayList<>();
    try (CausalLm model = Checkpoint.load(folder, config, Backends.orSkip(compute), q);
        NamedAdapters named = new NamedAdapters(model.modules(), model.backend().compute())) {
      attach(named, model, Lora.Variant.PLAIN, 5, "plain");
      attach(named, model, Lora.Variant.DORA, 4, "dora");
      attach(named, model, Lora.Variant.DORA, 19, "wide-dora");
      attach(named, model, Lora.Variant.BIAS, 3, "bias");
      for (int i = 0; i < 2; i++) {
        names.addAll(java.util.Arrays.asList("plain", "dora", null, "wide-dora", "bias", "dora"));
      }
      List<int[]> prompts = new ArrayList<>();
      for (int i = 0; i < names.size(); i++) {
        prompts.add(random.ints(3 + 5 * i, 0, config.vocabSize()).toArray());
      }
      List<List<Double>> alone = new ArrayList<>();
      try (Engine engine = new Engine(model, named, new Limits(2, 8L << 20, LONGEST, false))) {
        for (int i = 0; i < names.size(); i++) {
          alone.add(new ArrayList<>());
          engine.submit(prompts.get(i), 192, names.get(i), says(alone.getLast())).await();
        }
        List<Double> base = new ArrayList<>();
        engine.submit(prompts.get(1), 192, null, says(base)).await();
        assertThat(base).isNotEqualTo(alone.get(1)); // DoRA does something
      }
      List<List<Double>> together = new ArrayList<>();
      try (Engine engine = new Engine(model, named, new Limits(2, 8L << 20, LONGEST, false))) {
        List<Ticket> tickets = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
          together.add(new ArrayList<>());
          tickets.add(engine.submit(prompts.get(i), 192, names.get(i), says(together.getLast())));
        }
        for (Ticket ticket : tickets) {
          ticket.await();
        }
      }
      assertThat(together).isEqualTo(alone);
    }
  }
}
