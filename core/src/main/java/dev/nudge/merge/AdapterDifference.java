package dev.nudge.merge;

import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.StreamedLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Modules;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Compares a model's logits with one adapter to those with another, on the text of [ProbeText].
/// Computes in fp32 unless `--compute bf16` is given, as the check of a merge does.
public final class AdapterDifference {
  private AdapterDifference() {}

  /// Compares two adapters, or an adapter and the base.
  ///
  /// @param reference the reference of the KL divergence; null: the base
  /// @param other null: the base
  /// @param warnings receives one line each
  /// @throws InputException if an adapter is not for this model, or holds more than A and B
  public static ModelDifference of(
      ModelSettings settings,
      @Nullable Path reference,
      @Nullable Path other,
      Machine machine,
      Consumer<String> warnings) {
    Path folder = settings.model();
    ModelConfig config = ModelConfig.load(folder);
    Checkpoint.check(folder, config);
    Quantization held = Quantization.resolve(settings, config);
    Compute type = settings.compute() == Compute.BF16 ? Compute.BF16 : Compute.FP32;
    Backend backend = Backend.resolve(type, machine.cache(), config.widths());
    Identity.Model base =
        new Identity.Model(folder, held.format(), () -> BaseDigest.of(folder, machine.cache()));
    try (AdapterStack first = stack(reference, base, config, backend, settings, warnings);
        AdapterStack second = stack(other, base, config, backend, settings, warnings)) {
      int most =
          settings.maxLength() == null ? config.maxPositionEmbeddings() : settings.maxLength();
      List<int[]> probe = ProbeText.of(folder, config, most, machine.cache(), warnings);
      Integer given = settings.threads();
      int threads = given == null ? machine.threads() : given;
      Opening opening =
          () -> StreamedLm.open(folder, config, backend, held, StreamedLm.BLOCK_BYTES);
      return compare(opening, opening, first, second, probe, config, backend, threads);
    }
  }

  /// Compares two forms of one model, in fp32, as they are stored.
  ///
  /// @param reference the reference of the KL divergence
  /// @param warnings receives one line each
  /// @throws InputException if a folder cannot be read
  public static ModelDifference ofForms(
      Path reference, Path other, Machine machine, Consumer<String> warnings) {
    ModelConfig config = ModelConfig.load(reference);
    Backend fp32 = Backend.resolve(Compute.FP32, machine.cache(), config.widths());
    int most = config.maxPositionEmbeddings();
    return compare(
        stored(reference, config, fp32),
        stored(other, config, fp32),
        StreamedLm.Dressing.NONE,
        StreamedLm.Dressing.NONE,
        ProbeText.of(reference, config, most, machine.cache(), warnings),
        config,
        fp32,
        machine.threads());
  }

  private static Opening stored(Path folder, ModelConfig config, Backend backend) {
    Quantization held = Quantization.resolve(ModelSettings.of(folder), config);
    return () -> StreamedLm.open(folder, config, backend, held, StreamedLm.BLOCK_BYTES);
  }

  private static AdapterStack stack(
      @Nullable Path adapter,
      Identity.Model base,
      ModelConfig config,
      Backend backend,
      ModelSettings settings,
      Consumer<String> warnings) {
    List<Path> folders = adapter == null ? List.of() : List.of(adapter);
    if (adapter != null) {
      Identity.check(adapter, base, settings.anyBase(), warnings);
    }
    AdapterStack stack =
        AdapterStack.open(
            folders,
            folders.stream().map(_ -> 1.0).toList(),
            base,
            settings.anyBase(),
            config,
            backend.compute());
    if (stack.holdsWhole()) {
      stack.close();
      throw new InputException(
          "adapter %s holds whole modules or rows of tokens; answers are compared of adapters of A and B alone, so leave --model out"
              .formatted(adapter));
    }
    return stack;
  }

  private interface Opening {
    StreamedLm open();
  }

  private static ModelDifference compare(
      Opening opening,
      Opening otherOpening,
      StreamedLm.Dressing first,
      StreamedLm.Dressing second,
      List<int[]> probe,
      ModelConfig config,
      Backend backend,
      int threads) {
    int rows = ModelDifference.rows(config.vocabSize());
    int tokens = probe.stream().mapToInt(ids -> ids.length).sum();
    Dtype compute = backend.compute();
    try (StreamedLm reference = opening.open();
        StreamedLm other = otherOpening.open();
        Scope scope = Scope.open("comparison");
        Workspace ws =
            new Workspace(
                0,
                Math.max(reference.bytes(probe, first, rows), other.bytes(probe, second, rows)),
                backend.gemms().apply(threads))) {
      Tensor a = scope.tensor(compute, tokens, config.hiddenSize());
      Tensor b = scope.tensor(compute, tokens, config.hiddenSize());
      Modules ends = reference.ends(first, scope);
      Modules otherEnds = other.ends(second, scope);
      reference.hidden(probe, first, ends, a, ws, () -> false);
      other.hidden(probe, second, otherEnds, b, ws, () -> false);
      return ModelDifference.of(
          new ModelDifference.Side(reference, Objects.requireNonNull(ends.head()).linear(), a),
          new ModelDifference.Side(other, Objects.requireNonNull(otherEnds.head()).linear(), b),
          probe,
          config.vocabSize(),
          ws);
    }
  }
}
