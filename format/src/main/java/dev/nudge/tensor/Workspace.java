package dev.nudge.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/// A lane's preallocated memory for a step: a stack allocator over a region of fixed size.
///
/// [#take] allocates a matrix, [#release] frees all matrices taken since a [#mark]. The forward
/// pass of every step takes the same matrices in the same order, so tensor views are cached by
/// their index in that order and remade only if shape or type changes.
///
/// Threading: confined to its lane's thread.
public final class Workspace implements AutoCloseable {
  private static final long ALIGNMENT = 64;
  private static final int PIECES = 4; // pieces of an operation's rows per thread
  private static final long WORTH = 1 << 14; // fewest numbers of a piece: some microseconds

  private final int lane;
  private final @Nullable Gemm gemm; // null: the memory is another workspace's
  private final @Nullable Scope scope; // null: dry, or the memory is another workspace's
  private final boolean dry;
  private final long capacity;
  private final MemorySegment region;
  private final @Nullable MappedFile file;
  private @Nullable Team team;
  private final List<Tensor> views = new ArrayList<>();
  private long[] offsets = new long[256];
  private final Map<String, Stage> stages = new LinkedHashMap<>();
  private int count;
  private long peak;
  private long offloaded;
  private long offloadedPeak;
  private long stagePeak;
  private double stageStart; // operation count

  /// Memory and operations of one stage of a pass.
  ///
  /// @param used bytes in use at its end
  /// @param peak most bytes in use during it
  /// @param operations of its matrix products, a multiply-add as 2
  public record Stage(long used, long peak, double operations) {}

  /// Reserves `bytes` for `lane`; owns the Gemm and closes it.
  public Workspace(int lane, long bytes, Gemm gemm) {
    this(lane, bytes, gemm, null);
  }

  /// Reserves `bytes` for `lane`, with a file for offloaded activations; owns both.
  public Workspace(int lane, long bytes, Gemm gemm, @Nullable MappedFile file) {
    this(lane, gemm, file, Scope.open("workspace " + lane), bytes);
  }

  /// Reserves `bytes` for passes whose work, matrix products included, a team shares; owns the
  /// Gemm, which was opened with one thread.
  public Workspace(long bytes, Gemm gemm, Team team) {
    this(0, bytes, gemm, null);
    this.team = team;
    gemm.share(team);
  }

  private Workspace(int lane, Gemm gemm, @Nullable MappedFile file, Scope scope, long bytes) {
    this(lane, gemm, file, scope, scope.allocate(bytes), false);
  }

  private Workspace(
      int lane,
      @Nullable Gemm gemm,
      @Nullable MappedFile file,
      @Nullable Scope scope,
      MemorySegment region,
      boolean dry) {
    this.lane = lane;
    this.gemm = gemm;
    this.file = file;
    this.scope = scope;
    this.capacity = region.byteSize();
    this.region = region;
    this.dry = dry;
  }

  /// Returns a lane's own stack over memory that lanes share; it has no Gemm.
  static Workspace over(int lane, MemorySegment region) {
    return new Workspace(lane, null, null, null, region, false);
  }

  /// Returns a workspace for dry runs: its tensors have no memory, and its Gemm multiplies nothing.
  /// A pass that runs on it with dry kernels leaves in [#peak] the bytes that the pass needs, so
  /// the memory plan of a step and the step are the same code.
  public static Workspace measuring() {
    return new Workspace(0, new DryGemm(), null, null, Tensor.nowhere(Long.MAX_VALUE / 4), true);
  }

  /// Returns whether this workspace is for a dry run.
  public boolean dry() {
    return dry;
  }

  /// Number of this lane, from 0.
  public int lane() {
    return lane;
  }

  public Gemm gemm() {
    return Objects.requireNonNull(gemm, "shared memory has no products");
  }

  /// Computes a piece of an operation.
  public interface Piece {
    /// @param own the piece's workspace, with its own Gemm
    void run(int piece, Workspace own);
  }

  /// Runs the pieces of an operation, each in its own workspace of `bytes`: on as many threads of
  /// the team as memory allows, without a team in sequence.
  public void each(int pieces, long bytes, Piece piece) {
    int mark = mark();
    if (team == null) {
      for (int i = pieces - 1; i >= 0; i--) {
        piece.run(i, this);
        release(mark);
      }
      return;
    }
    long room = (capacity - offsets[count]) / aligned(Math.max(1, bytes));
    int most = Math.min(pieces, team.threads());
    MemorySegment[] own = new MemorySegment[(int) Math.clamp(room, Math.min(1, most), most)];
    for (int i = 0; i < own.length; i++) {
      own[i] = room(bytes).data();
    }
    AtomicInteger left = new AtomicInteger(pieces);
    team.each(
        own.length,
        (i, thread) -> {
          Workspace ws = new Workspace(lane, gemm().of(thread), null, null, own[i], false);
          for (int next = left.decrementAndGet(); next >= 0; next = left.decrementAndGet()) {
            piece.run(next, ws);
            ws.release(0);
          }
        });
    release(mark);
  }

  /// Allocates at least `bytes` bytes, also more than a matrix can have columns.
  public Tensor room(long bytes) {
    return take(Dtype.U8, Math.toIntExact(Math.ceilDiv(bytes, 64L)), 64);
  }

  /// A range of an operation's rows.
  public interface Range {
    void run(int from, int to);
  }

  /// Runs an operation whose rows do not depend on one another on ranges of rows, on the threads of
  /// the team; without a team on all rows at once.
  ///
  /// @param cols numbers per row: determines how many rows are worth a thread
  public void rows(int rows, long cols, Range range) {
    Team all = team;
    int pieces =
        all == null
            ? 1
            : (int) Math.clamp(Math.min(rows, rows * cols / WORTH), 1, PIECES * all.threads());
    if (all == null || pieces == 1) {
      range.run(0, rows);
    } else {
      all.each(
          pieces,
          i -> range.run((int) ((long) rows * i / pieces), (int) ((long) rows * (i + 1) / pieces)));
    }
  }

  /// Returns the current top of the stack, for [#release].
  public int mark() {
    return count;
  }

  /// Frees everything taken since `mark`.
  public void release(int mark) {
    count = mark;
  }

  /// Frees everything, offloaded matrices too: at the start of a pass.
  public void reset() {
    release(0);
    offloaded = 0;
  }

  /// Allocates a contiguous matrix in the mapped file; valid until [#reset].
  ///
  /// @throws IllegalStateException if the plan reserved too little: a defect, not a user's error
  public Tensor offload(Dtype dtype, int rows, int cols) {
    long start = offloaded;
    offloaded += aligned((long) rows * cols * dtype.bytes());
    offloadedPeak = Math.max(offloadedPeak, offloaded);
    if (dry()) {
      return Tensor.dry(dtype, rows, cols);
    }
    long held = file == null ? 0 : file.bytes();
    if (file == null || offloaded > held) {
      throw new IllegalStateException(
          "the file of lane " + lane + " has " + held + " bytes, needs " + offloaded);
    }
    return Tensor.of(file.segment().asSlice(start), dtype, rows, cols);
  }

  /// Allocates a contiguous matrix; its contents are undefined.
  ///
  /// @throws IllegalStateException if the plan reserved too little: a defect, not a user's error
  public Tensor take(Dtype dtype, int rows, int cols) {
    long start = offsets[count];
    long end = start + aligned((long) rows * cols * dtype.bytes());
    if (end > capacity) {
      throw new IllegalStateException(
          "workspace of lane " + lane + " has " + capacity + " bytes, needs " + end);
    }
    Tensor view = count < views.size() ? views.get(count) : null;
    if (view == null
        || view.dtype() != dtype
        || view.shape(0) != rows
        || view.shape(1) != cols
        || view.data().address() != region.address() + start) {
      view = Tensor.of(region.asSlice(start), dtype, rows, cols);
      if (count < views.size()) {
        views.set(count, view);
      } else {
        views.add(view);
      }
    }
    count++;
    if (count >= offsets.length) {
      offsets = Arrays.copyOf(offsets, 2 * offsets.length);
    }
    offsets[count] = end;
    stagePeak = Math.max(stagePeak, end);
    peak = Math.max(peak, end);
    return view;
  }

  /// Packs a right factor into the layout in which products are fastest, in memory of this
  /// workspace; returns the plain factor if the Gemm has no such layout.
  public Packed pack(Tensor factor) {
    if (!gemm().packs()) {
      return Packed.plain(factor);
    }
    int k = Packed.padded(factor.shape(0));
    int n = Packed.padded(factor.shape(1));
    return gemm().pack(factor, take(factor.dtype(), k, n));
  }

  /// Allocates a column of I32 with these `values`, one for each row.
  public Tensor ints(int[] values) {
    Tensor column = take(Dtype.I32, values.length, 1);
    if (!dry()) {
      MemorySegment.copy(
          values, 0, column.data(), ValueLayout.JAVA_INT_UNALIGNED, 0, values.length);
    }
    return column;
  }

  /// Sets a contiguous tensor of this workspace to zero.
  public void zero(Tensor tensor) {
    if (!dry()) {
      tensor.zero();
    }
  }

  /// Floating-point operations of all products so far, a multiply-add as 2; 0 outside of dry runs.
  public double operations() {
    return gemm instanceof DryGemm d ? d.operations() : 0;
  }

  /// Overwrites the count of operations, for a dry run that skips repeated products.
  public void operations(double all) {
    if (gemm instanceof DryGemm d) {
      d.operations(all);
    }
  }

  /// Ends a stage of a pass; does nothing outside of dry runs.
  public void endStage(String name) {
    if (dry()) {
      double all = operations();
      stages.put(name, new Stage(offsets[count], stagePeak, all - stageStart));
      stagePeak = offsets[count];
      stageStart = all;
    }
  }

  /// Returns the stages of the last pass by name, in order; empty outside of dry runs.
  public Map<String, Stage> stages() {
    return stages;
  }

  /// Peak bytes in use so far.
  public long peak() {
    return peak;
  }

  /// Peak bytes offloaded so far.
  public long offloadedPeak() {
    return offloadedPeak;
  }

  public long capacity() {
    return capacity;
  }

  /// Bytes that a matrix of `bytes` takes.
  public static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  @Override
  public void close() {
    if (gemm != null) {
      gemm.close();
    }
    if (file != null) {
      file.close();
    }
    if (scope != null) {
      scope.close();
    }
  }
}
