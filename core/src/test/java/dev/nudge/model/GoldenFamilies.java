package dev.nudge.model;

import dev.nudge.format.WeightFile;
import dev.nudge.kernel.Attend.Shape;
import dev.nudge.model.family.LayerConfig;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.MoeConfig;
import dev.nudge.model.rope.Turning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// The tiny checkpoints of every family.
///
/// Logits, steps and decoding are held in all of them. What holds for a layer's parts, whoever puts
/// them together, is held in [#mechanisms], and in all of them under the tag `slow`.
public final class GoldenFamilies {
  private static final Path FOLDER = Path.of("src/test/resources/golden/families");

  private GoldenFamilies() {}

  /// The folders of their models.
  public static List<Path> models() throws IOException {
    try (Stream<Path> folders = Files.list(FOLDER)) {
      return folders.map(f -> f.resolve("model")).filter(Files::isDirectory).sorted().toList();
    }
  }

  /// The weights of a model by our names.
  public static WeightFile weights(Path model) {
    return StackedExperts.open(model, ModelConfig.load(model));
  }

  /// As few folders as show every mechanism that a config has among them all, each time the one
  /// that adds most; a family with a mechanism of its own is among them by itself.
  public static List<Path> mechanisms() throws IOException {
    List<Path> left = new ArrayList<>(models());
    List<Path> chosen = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    while (true) {
      Path best = left.stream().max(Comparator.comparingInt(f -> added(f, seen))).orElseThrow();
      if (added(best, seen) == 0) {
        return chosen;
      }
      seen.addAll(mechanisms(ModelConfig.load(best)));
      chosen.add(best);
      left.remove(best);
    }
  }

  private static int added(Path folder, Set<String> seen) {
    Set<String> own = mechanisms(ModelConfig.load(folder));
    own.removeAll(seen);
    return own.size();
  }

  /// What a model does that another one may not, numbers apart.
  static Set<String> mechanisms(ModelConfig config) {
    Set<String> all = new HashSet<>();
    all.add("tied " + config.tieWordEmbeddings());
    all.add("offset of norms " + (config.normOffset() != 0));
    all.add("scale of embeddings " + (config.embeddingScale() != 1));
    all.add("scale of logits " + (config.logitScale() != 1));
    all.add("cap of logits " + (config.logitCap() != 0));
    for (LayerConfig layer : config.layers()) {
      Shape a = layer.attention();
      all.add("window " + (a.window() > 0));
      all.add("soft cap " + (a.softCap() > 0));
      all.add("own scale " + (a.scale() != new Shape(a.count(), a.keyCount(), a.dim()).scale()));
      all.add("shared keys " + (a.keyCount() < a.count()));
      all.add("recurrence " + (layer.recurrence() == null ? "" : layer.recurrence().getClass()));
      Turning turning = layer.turning();
      if (turning == null) {
        all.add("does not turn");
      } else {
        all.add("turns " + turning.rope().getClass().getSimpleName());
        all.add("queries grow " + (turning.queries() != null));
        all.add("turns " + turning.pairing());
        all.add("turns in part " + (turning.width() < a.dim()));
      }
      all.add(layer.biases().toString());
      all.add("norms " + layer.style().norms());
      all.add("norms of heads " + layer.style().qkNorm());
      all.add("fused " + layer.style().fused());
      all.add("clamped " + (layer.style().clip() > 0));
      all.add("sinks " + layer.style().sinks());
      all.add("residual " + (layer.style().residual() != 1));
      all.add(layer.feed().activation().toString());
      MoeConfig m = layer.feed().mixture();
      if (m != null) {
        all.add("experts " + m.rule() + " as " + m.names() + " shared " + (m.shared() > 0));
        all.add("clamped experts " + (m.clamp() != null));
      }
    }
    return all;
  }
}
