package dev.nudge.calibrate;

import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.model.StreamedLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Embedding;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Recompute;
import dev.nudge.nn.Residual;
import dev.nudge.nn.Segments;
import dev.nudge.nn.WatchedLinear;
import dev.nudge.nn.layer.DecoderLayer;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/// The hidden states of all rows before the layer that is next, in fp32.
///
/// Rows go through a layer in batches, a batch a lane. What a pass sees is added to the Hessians in
/// the order of the batches, whatever the lanes' timing.
///
/// Threading: one thread; passes run on lanes.
final class HiddenStates implements AutoCloseable {
  private static final int LEAST = 512; // tokens of a batch, unless there are fewer

  private final Backend backend;
  private final List<Batch> batches = new ArrayList<>();
  private final Scope scope = Scope.open("hidden states");
  private final Lanes lanes;
  private final List<Workspace> workspaces;
  private final Tensor x; // F32 (tokens, width)

  /// Rows that go through a layer together.
  private record Batch(List<int[]> rows, int from, int to) {
    int[] ids() {
      return rows.stream().flatMapToInt(Arrays::stream).toArray();
    }
  }

  /// What the last watched layer of a pass throws: nothing behind it is needed.
  private static final class Enough extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private Enough() {
      super(null, null, false, false);
    }
  }

  /// A place of a layer, and what collects what it sees.
  record Site(LinearSlot slot, Hessian hessian) {}

  /// Embeds rows.
  ///
  /// @param backend of fp32
  HiddenStates(
      List<int[]> rows, StreamedLm model, ModelConfig config, Backend backend, int threads) {
    this.backend = backend;
    int longest = rows.stream().mapToInt(row -> row.length).max().orElseThrow();
    int at = 0;
    for (int i = 0, tokens; i < rows.size(); at += tokens) {
      List<int[]> group = new ArrayList<>();
      tokens = 0;
      do {
        tokens += rows.get(i).length;
        group.add(rows.get(i++));
      } while (i < rows.size() && tokens + rows.get(i).length <= Math.max(LEAST, longest));
      batches.add(new Batch(group, at, at + tokens));
    }
    model.reserve(longest);
    this.x = scope.tensor(Dtype.F32, at, config.hiddenSize());
    this.lanes = new Lanes(Math.min(threads, batches.size()));
    int each = Math.max(1, threads / lanes.count());
    long bytes = bytes(model, config);
    this.workspaces = lanes.run(lane -> new Workspace(lane, bytes, backend.gemms().apply(each)));
    embed(model);
  }

  private void embed(StreamedLm model) {
    try (Scope meanwhile = Scope.open("embedding")) {
      Embedding embedding = Objects.requireNonNull(model.ends(meanwhile).embedding());
      each(
          (batch, ws) -> {
            Pass p = pass(batch, ws, backend.kernels());
            embedding.forward(ws.ints(batch.ids()), x.rows(batch.from, batch.to), p);
          });
    }
  }

  /// The most bytes of a pass through any layer, by running them dry.
  private long bytes(StreamedLm model, ModelConfig config) {
    long most = 0;
    for (int i = 0; i < config.numHiddenLayers(); i++) {
      if (i > 0 && config.layers().subList(0, i).contains(config.layers().get(i))) {
        continue;
      }
      try (Workspace ws = Workspace.measuring();
          Scope measuring = Scope.measuring()) {
        StreamedLm.Decoder decoder = model.decoder(i, measuring);
        for (LinearSlot slot : decoder.modules().linears()) {
          Linear stored = slot.linear(); // here weights are in memory in fp32
          Tensor weight = Tensor.dry(Dtype.F32, stored.out(), stored.in());
          slot.set(DenseLinear.of(weight, stored.bias()));
        }
        DecoderLayer layer = decoder.layer();
        batches.forEach(batch -> through(layer, batch, ws, backend.kernels().dry()));
        most = Math.max(most, ws.peak());
      }
    }
    return most;
  }

  private static Pass pass(Batch batch, Workspace ws, Kernels kernels) {
    ws.reset();
    int[] lengths = batch.rows.stream().mapToInt(row -> row.length).toArray();
    Segments rows = Segments.of(lengths, new long[lengths.length], ws);
    return new Pass(null, rows, ws, kernels, Dropout.NONE);
  }

  private Residual through(DecoderLayer layer, Batch batch, Workspace ws, Kernels kernels) {
    Pass p = pass(batch, ws, kernels);
    int tokens = batch.to - batch.from;
    Tensor stream = ws.take(Dtype.F32, tokens, x.cols());
    kernels.elementwise().copy(x.rows(batch.from, batch.to), stream);
    Residual r = new Residual(stream, false, ws);
    layer.forward(r, ws.take(Dtype.F32, tokens, layer.inner()), Recompute.NONE, p);
    kernels.elementwise().add(r.branch(), r.x());
    return r;
  }

  /// Replaces the states by a layer's output.
  void advance(DecoderLayer layer) {
    Kernels kernels = backend.kernels();
    each(
        (batch, ws) ->
            kernels
                .elementwise()
                .copy(through(layer, batch, ws, kernels).x(), x.rows(batch.from, batch.to)));
  }

  /// Runs a layer up to the last of some places, and adds what they see to their Hessians.
  void look(DecoderLayer layer, List<Site> sites, Gemm gemm) {
    List<Linear> bases = sites.stream().map(site -> site.slot.linear()).toList();
    ThreadLocal<Integer> own = new ThreadLocal<>(); // lane
    int most = batches.stream().mapToInt(batch -> batch.to - batch.from).max().orElseThrow();
    try (Scope meanwhile = Scope.open("inputs of layers")) {
      List<List<Tensor>> seen = new ArrayList<>(); // of a lane, of its sites
      for (int lane = 0; lane < lanes.count(); lane++) {
        seen.add(
            sites.stream()
                .map(site -> meanwhile.tensor(Dtype.F32, most, site.hessian.size()))
                .toList());
      }
      for (int i = 0; i < sites.size(); i++) {
        int site = i;
        boolean last = i == sites.size() - 1;
        sites
            .get(i)
            .slot
            .set(
                new WatchedLinear(
                    bases.get(i),
                    in -> {
                      Tensor to = seen.get(own.get()).get(site).rows(0, in.rows());
                      backend.kernels().elementwise().copy(in, to);
                      if (last) {
                        throw new Enough();
                      }
                    }));
      }
      try {
        for (int first = 0; first < batches.size(); first += lanes.count()) {
          List<Batch> wave =
              batches.subList(first, Math.min(batches.size(), first + lanes.count()));
          lanes.run(
              lane -> {
                own.set(lane);
                try {
                  return lane < wave.size()
                      ? through(layer, wave.get(lane), workspaces.get(lane), backend.kernels())
                      : null;
                } catch (Enough e) {
                  return null;
                }
              });
          for (int i = 0; i < sites.size(); i++) {
            for (int lane = 0; lane < wave.size(); lane++) {
              int rows = wave.get(lane).to - wave.get(lane).from;
              sites.get(i).hessian.add(seen.get(lane).get(i).rows(0, rows), gemm);
            }
          }
        }
      } finally {
        IntStream.range(0, sites.size()).forEach(i -> sites.get(i).slot.set(bases.get(i)));
      }
    }
  }

  private interface Work {
    void run(Batch batch, Workspace ws);
  }

  private void each(Work work) {
    lanes.run(
        lane -> {
          for (int i = lane; i < batches.size(); i += lanes.count()) {
            work.run(batches.get(i), workspaces.get(lane));
          }
          return lane;
        });
  }

  @Override
  public void close() {
    lanes.run(
        lane -> {
          workspaces.get(lane).close();
          return lane;
        });
    lanes.close();
    scope.close();
  }
}
