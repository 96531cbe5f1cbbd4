package dev.nudge.merge;

import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.StreamedLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Computes a model's tensors, with or without a merged adapter, in fp32, a block of rows at a
/// time; a [Sink] stores them in its own format.
///
/// Threading: one thread.
public final class MergedTensors implements AutoCloseable {
  /// Stores the tensors in a format of its choice.
  public interface Sink {
    /// Chooses how a tensor is stored.
    Storing of(String name);

    /// Writes a tensor from consecutive pieces, each valid until the next is requested.
    void write(String name, Iterator<MemorySegment> pieces);
  }

  /// Stores rows of a tensor; a vector is one row.
  public interface Storing {
    /// Tensors are cut at multiples of this many rows.
    default int grain() {
      return 1;
    }

    /// Converts rows in a workspace; a dry workspace only counts bytes.
    ///
    /// @param from number of the first row
    /// @param rows in any float type
    Tensor store(int from, Tensor rows, Workspace ws, Kernels kernels);
  }

  private final StreamedLm base;
  private final AdapterStack adapters;
  private final MergedWeights weights;

  private MergedTensors(StreamedLm base, AdapterStack adapters, MergedWeights weights) {
    this.base = base;
    this.adapters = adapters;
    this.weights = weights;
  }

  /// Opens a model and an adapter, and checks that they belong together.
  ///
  /// @param adapter null: the model alone
  /// @param into which weights the adapter is merged into
  /// @param warnings receives one line each
  /// @throws dev.nudge.settings.InputException in one line
  public static MergedTensors open(
      ModelSettings model,
      @Nullable Path adapter,
      MergeSettings.Into into,
      Machine machine,
      Consumer<String> warnings) {
    Path folder = model.model();
    ModelConfig config = ModelConfig.load(folder);
    Checkpoint.check(folder, config);
    Backend fp32 = Backend.resolve(Compute.FP32, machine.cache(), config.widths());
    Quantization held;
    if (adapter == null) {
      held = Quantization.resolve(model, config);
    } else {
      MergeSettings settings =
          MergeSettings.of(folder, adapter, folder)
              .withInto(into)
              .with("any_base", model.anyBase());
      held = Merging.quantization(settings, config, warnings);
      Merging.identify(settings, held, machine, warnings);
    }
    List<Path> folders = adapter == null ? List.of() : List.of(adapter);
    AdapterStack adapters =
        AdapterStack.open(
            folders,
            folders.stream().map(_ -> 1.0).toList(),
            new Identity.Model(folder, held.format(), () -> BaseDigest.of(folder, machine.cache())),
            model.anyBase(),
            config,
            Dtype.F32);
    try {
      StreamedLm base = StreamedLm.open(folder, config, fp32, held, StreamedLm.BLOCK_BYTES);
      try {
        MergedWeights weights =
            new MergedWeights(base, config, adapters, fp32, StreamedLm.BLOCK_BYTES);
        return new MergedTensors(base, adapters, weights);
      } catch (RuntimeException | Error e) {
        base.close();
        throw e;
      }
    } catch (RuntimeException | Error e) {
      adapters.close();
      throw e;
    }
  }

  /// The merged model's config, whose [ModelConfig#tensors] are written.
  public ModelConfig config() {
    return weights.config();
  }

  /// The `tokenizer.json` of the adapter, if it has added tokens; null: the model's own.
  public @Nullable Path tokenizer() {
    return adapters.tokenizer();
  }

  /// Makes all tensors.
  ///
  /// @param cancelled asked between layers
  /// @return false if cancelled
  public boolean write(Sink to, int threads, BooleanSupplier cancelled) {
    try {
      weights.write(to, threads, cancelled);
      return true;
    } catch (StreamedLm.Cancelled e) {
      return false;
    }
  }

  @Override
  public void close() {
    adapters.close();
    base.close();
  }
}
