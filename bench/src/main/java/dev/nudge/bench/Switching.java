package dev.nudge.bench;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.BenchModels;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.Machines;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.LinearSlot;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/// Measures the cost of several adapters on one base: bytes of each, time to attach, switch and
/// detach.
///
///     bench/switch [--shape 135m] [--adapters 8] [--rank 16] [--rounds 1000]
final class Switching {
  private Switching() {}

  public static void main(String[] args) {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/switch",
            args,
            "--shape 135m|tiny|llama-3.2-1b|7b --adapters 8 --rank 16 --rounds 1000 --dir "
                + System.getProperty("java.io.tmpdir"));
    ModelConfig config = BenchModels.named(flags.text("shape"));
    Path folder = Path.of(flags.text("dir")).resolve("nudge-bench-switch");
    Backend backend = Backend.resolve(Compute.AUTO, Machines.cache());
    adapter(folder, config, flags.whole("rank"));
    System.out.println(Machines.line());
    try (CausalLm model =
            Checkpoint.random(config, backend, Quantization.of(new Nf4Format(true)), 1);
        NamedAdapters adapters = new NamedAdapters(model.modules(), backend.compute())) {
      long base = Ledger.bytes();
      int count = flags.whole("adapters");
      double[] attach = new double[count];
      for (int i = 0; i < count; i++) {
        long start = System.nanoTime();
        try (PeftAdapter peft = PeftAdapter.open(folder)) {
          adapters.attach("adapter " + i, peft);
        }
        attach[i] = millis(start);
      }
      long each = (Ledger.bytes() - base) / count;
      double[] use = new double[flags.whole("rounds")];
      for (int i = 0; i < use.length; i++) {
        long start = System.nanoTime();
        adapters.use("adapter " + i % count);
        use[i] = millis(start);
      }
      long after = Ledger.bytes();
      double[] detach = new double[count];
      for (int i = 0; i < count; i++) {
        long start = System.nanoTime();
        adapters.detach("adapter " + i);
        detach[i] = millis(start);
      }
      System.out.printf(
          Locale.ROOT,
          "%s, %d layers: base %s, %d adapters of %s each, %s more after %,d switches%n",
          flags.text("shape"),
          model.slots().stream().map(LinearSlot::path).distinct().count(),
          Child.gib(base),
          count,
          Child.gib(each),
          Child.gib(after - base - each * count),
          use.length);
      show("attach", attach);
      show("switch", use);
      show("detach", detach);
    }
  }

  private static void show(String what, double[] millis) {
    Arrays.sort(millis);
    System.out.printf(
        Locale.ROOT,
        "%s: median %.4f ms, slowest of %,d %.4f ms%n",
        what,
        millis[millis.length / 2],
        millis.length,
        millis[millis.length - 1]);
  }

  private static double millis(long since) {
    return (System.nanoTime() - since) / 1e6;
  }

  /// Writes an adapter on all linear layers.
  static void adapter(Path folder, ModelConfig config, int rank) {
    try (CausalLm dry = Checkpoint.dry(config, Backend.plain(Dtype.F32), Quantization.NONE);
        Scope scope = Scope.open("adapter")) {
      Lora spec = Lora.of(rank, 2 * rank, new Targets.AllLinear());
      Adapters.attach(dry.modules(), spec, 1, Dtype.F32, 0, scope).save(folder, "base");
    }
  }
}
