package dev.nudge.merge;

import dev.nudge.adapter.AdaptedLinear;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.StreamedLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Embedding;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Modules;
import dev.nudge.nn.Tied;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/// Finds the tensors of a base that adapters change, and computes their merged rows.
///
/// @param base the model to merge into
/// @param config of the base
record ChangedTensors(StreamedLm base, ModelConfig config, AdapterStack adapters) {
  /// The rows of a tensor of the merged model.
  interface Rows {
    int count();

    int width();

    /// Rows are computed in multiples of this number.
    default int grain() {
      return 1;
    }

    /// Computes rows (to − from, width), in any type.
    Tensor make(int from, int to, Workspace ws, Kernels kernels);
  }

  /// Returns a layer's changed tensors by name.
  Map<String, Rows> layer(int i, Scope scope) {
    return of(base.layer(i, scope), scope);
  }

  /// The merged embedding, final norm and output head.
  ///
  /// @param rows of the changed tensors, by name
  /// @param parted whether a head that is tied in the base is untied in the merged model
  /// @param tokens vocabulary size
  record EmbeddingAndHead(Map<String, Rows> rows, boolean parted, int tokens) {}

  /// The changed tensors of embedding, final norm and output head.
  EmbeddingAndHead ends(Scope scope) {
    Modules part = base.ends(scope);
    Embedding embedding = Objects.requireNonNull(part.embedding());
    LinearSlot head = Objects.requireNonNull(part.head());
    Embedding.Vectors vectors = embedding.vectors();
    Linear own = head.linear();
    Map<String, Rows> changed = of(part, scope);
    boolean moved = embedding.vectors() != vectors;
    boolean other = head.linear() != own;
    if (moved || base.holdsEnd(config.embedding())) {
      changed.put(config.embedding(), rows(embedding.vectors()));
    }
    boolean follows = head.linear() instanceof Tied && embedding.vectors().added() == null;
    boolean parted = config.tieWordEmbeddings() && (moved || other) && !follows;
    boolean stored = base.file().names().contains(config.head());
    boolean made = other || base.holdsEnd(config.head());
    if (config.tieWordEmbeddings() ? parted || (moved && stored) : made) {
      changed.put(config.head(), rows(head.linear()));
    }
    return new EmbeddingAndHead(changed, parted, embedding.table().out());
  }

  private boolean quantised(String weight) {
    return base.quantised(module(weight));
  }

  private static String module(String weight) {
    return weight.substring(0, weight.length() - ".weight".length());
  }

  private Map<String, Rows> of(Modules part, Scope scope) {
    Map<LinearSlot, Linear> linears = new HashMap<>();
    part.linears().forEach(slot -> linears.put(slot, slot.linear()));
    Map<String, Tensor> norms = new HashMap<>();
    part.norms().forEach((path, norm) -> norms.put(path, norm.weight()));
    adapters.put(part, scope);
    Map<String, Rows> changed = new LinkedHashMap<>();
    part.norms()
        .forEach(
            (path, norm) -> {
              if (norm.weight() != norms.get(path)) {
                changed.put(config.weight(path), rows(DenseLinear.of(norm.weight(), null)));
              }
            });
    for (LinearSlot slot : part.linears()) {
      String path = module(slot.weights().getFirst());
      if (slot.linear() != linears.get(slot) || slot.weights().stream().anyMatch(this::quantised)) {
        int parts = slot.weights().size();
        int each = slot.linear().out() / parts;
        for (int i = 0; i < parts; i++) {
          changed.put(slot.weights().get(i), rows(slot.linear(), i * each, (i + 1) * each));
        }
      }
      Tensor sum = slot.linear() instanceof AdaptedLinear made ? made.mergedBias(scope) : null;
      if (sum != null) {
        changed.put(path + ".bias", rows(DenseLinear.of(sum, null)));
      }
      Tensor bias = slot.linear().bias();
      if (bias != null
          && slot.linear() instanceof DenseLinear
          && slot.linear() != linears.get(slot)) {
        changed.put(path + ".bias", rows(DenseLinear.of(bias, null)));
      }
    }
    return changed;
  }

  /// The rows of a linear layer, adapted or not.
  static Rows rows(Linear linear) {
    return rows(linear, 0, linear.out());
  }

  /// @param start the first row of the tensor
  /// @param end the row after its last
  private static Rows rows(Linear linear, int start, int end) {
    return new Rows() {
      @Override
      public int count() {
        return end - start;
      }

      @Override
      public int width() {
        return linear.in();
      }

      @Override
      public int grain() {
        return linear.grain();
      }

      @Override
      public Tensor make(int from, int to, Workspace ws, Kernels kernels) {
        return linear instanceof AdaptedLinear adapted
            ? adapted.merged(start + from, start + to, ws, kernels)
            : linear.weight(start + from, start + to, ws, kernels);
      }
    };
  }

  private static Rows rows(Embedding.Vectors vectors) {
    return new Rows() {
      @Override
      public int count() {
        return vectors.table().out();
      }

      @Override
      public int width() {
        return vectors.table().in();
      }

      @Override
      public Tensor make(int from, int to, Workspace ws, Kernels kernels) {
        Tensor table = vectors.table().weight(from, to, ws, kernels);
        Embedding.Update added = vectors.added();
        if (added == null) {
          return table;
        }
        Tensor sum = ws.take(Dtype.F32, to - from, table.cols());
        kernels.elementwise().copy(table, sum);
        added.addTo(sum, from, to, ws, kernels);
        return sum;
      }
    };
  }
}
