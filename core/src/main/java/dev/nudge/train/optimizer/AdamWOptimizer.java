package dev.nudge.train.optimizer;

import dev.nudge.collective.Collective;
import dev.nudge.kernel.AdamW;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Parameter;
import dev.nudge.settings.train.Optimizer;
import dev.nudge.settings.train.OptimizerSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.MappedFile;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// AdamW over all parameters, with fp32 master weights and moments in fp32 or 8 bits.
///
/// [#reduce] adds the lanes' gradients in lane order and returns the global norm; [#apply] updates
/// the parameters and clears gradients, [#clear] only clears them. Each method is one sweep over
/// pieces of the parameters, and a piece stays in cache from one of its kernels to the next. Each
/// lane sweeps adjacent pieces. The norm is summed in the order of the pieces, so the result
/// depends neither on timing nor on the number of lanes.
///
/// The optimiser state is one region in sweep order, in memory or in a mapped file that the system
/// pages out: the same bytes either way.
///
/// Threading: called between passes, from the thread that runs the lanes.
public final class AdamWOptimizer implements AutoCloseable {
  private static final long ALIGNMENT = 64;

  private final Kernels kernels;
  private final Lanes lanes;
  private final OptimizerSettings settings;
  private final Scope scope;
  private final @Nullable MappedFile file;
  private final List<Piece> pieces = new ArrayList<>();
  private final Map<String, List<Tensor>> moments = new TreeMap<>();
  private final int[] starts; // the first piece of each lane, and the end
  private final double[] squares;
  private long updates;

  /// @param paged folder of the file that holds the optimiser state; null: it is held in memory
  AdamWOptimizer(
      List<Parameter> parameters,
      OptimizerSettings settings,
      Kernels kernels,
      Lanes lanes,
      @Nullable Path paged) {
    this.settings = settings;
    this.kernels = kernels;
    this.lanes = lanes;
    long bytes = bytes(parameters, settings.optimizer());
    this.file = paged == null || bytes == 0 ? null : MappedFile.create(paged, bytes);
    this.scope = Scope.open("optimizer");
    MemorySegment memory = file == null ? scope.allocate(bytes) : file.segment();
    long at = 0;
    LoraPlus plus = LoraPlus.of(settings);
    for (Parameter p : parameters) {
      Dtype acc = p.master().dtype();
      Moments.Form form = Moments.Form.of(settings.optimizer(), acc, p.elements());
      for (long from = 0; from < p.elements(); from += Piece.MOST) {
        int n = (int) Math.min(Piece.MOST, p.elements() - from);
        Piece piece = Piece.of(p, plus, from, n, form.over(memory.asSlice(at), acc, n));
        pieces.add(piece);
        piece.moments().parts().forEach((part, numbers) -> add(p.name() + "." + part, numbers));
        at += aligned(form.bytes(acc, n));
      }
    }
    this.squares = new double[pieces.size()];
    this.starts = deal(pieces, lanes.count());
  }

  private void add(String name, Tensor numbers) {
    moments.computeIfAbsent(name, _ -> new ArrayList<>()).add(numbers);
  }

  /// The moments by parameter name and kind, such as `W.exp_avg`; each as its pieces in order.
  Map<String, List<Tensor>> moments() {
    return Collections.unmodifiableMap(moments);
  }

  /// Updates made so far.
  long updates() {
    return updates;
  }

  /// Resumes after `made` updates, whose moments were restored.
  void goOn(long made) {
    updates = made;
  }

  /// Bytes of the optimiser state for these parameters.
  public static long bytes(List<Parameter> parameters, Optimizer optimizer) {
    long bytes = 0;
    for (Parameter p : parameters) {
      Dtype acc = p.master().dtype();
      Moments.Form form = Moments.Form.of(optimizer, acc, p.elements());
      int rest = (int) (p.elements() % Piece.MOST);
      bytes += p.elements() / Piece.MOST * aligned(form.bytes(acc, Piece.MOST));
      bytes += rest == 0 ? 0 : aligned(form.bytes(acc, rest));
    }
    return bytes;
  }

  private static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /// Divides the pieces among the lanes, in adjacent groups of about equal size.
  private static int[] deal(List<Piece> pieces, int lanes) {
    long all = pieces.stream().mapToLong(p -> p.master().elements()).sum();
    int[] starts = new int[lanes + 1];
    long before = 0;
    int lane = 1;
    for (int i = 0; i < pieces.size(); i++) {
      before += pieces.get(i).master().elements();
      while (lane < lanes && before * lanes >= all * lane) {
        starts[lane++] = i + 1;
      }
    }
    starts[lanes] = pieces.size();
    return starts;
  }

  /// Adds the gradients of all lanes of all ranks into the first lane's.
  ///
  /// @return the global gradient norm
  double reduce(Collective ranks) {
    if (ranks.ranks() > 1) {
      ranks.sum(pieces.stream().map(piece -> piece.part(kernels)).toList());
    }
    each(
        i -> {
          if (ranks.ranks() == 1) {
            pieces.get(i).add(kernels, null);
          }
          squares[i] = pieces.get(i).squares(kernels);
        });
    double sum = 0;
    for (double s : squares) {
      sum += s;
    }
    return Math.sqrt(sum);
  }

  /// Updates all parameters by gradients times `clip`, then clears the gradients.
  void apply(double rate, double clip) {
    updates++;
    AdamW.Hyper decayed = hyper(rate, settings.weightDecay(), clip);
    AdamW.Hyper plain = hyper(rate, 0, clip);
    each(
        i -> {
          Piece piece = pieces.get(i);
          AdamW.Hyper usual = piece.decay() ? decayed : plain;
          piece.step(
              kernels, piece.rate() == 1 ? usual : hyper(rate * piece.rate(), usual.decay(), clip));
        });
  }

  private AdamW.Hyper hyper(double rate, double decay, double clip) {
    return new AdamW.Hyper(
        rate, settings.beta1(), settings.beta2(), settings.epsilon(), decay, clip, updates);
  }

  /// Clears the gradients of a skipped step.
  void clear() {
    each(i -> pieces.get(i).clear());
  }

  private interface ForPiece {
    void run(int i);
  }

  private void each(ForPiece work) {
    lanes.run(
        lane -> {
          for (int i = starts[lane]; i < starts[lane + 1]; i++) {
            work.run(i);
          }
          return lane;
        });
  }

  @Override
  public void close() {
    scope.close();
    if (file != null) {
      file.close();
    }
  }
}
