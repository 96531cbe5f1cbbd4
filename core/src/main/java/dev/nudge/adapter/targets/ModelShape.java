package dev.nudge.adapter.targets;

import dev.nudge.nn.Embedding;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Modules;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The modules of a model that an adapter can change, by path and shape.
///
/// @param linears of the decoder layers, in model order
/// @param embedding in: tokens, out: width; null if this part of a model has none
/// @param head the output head; null if this part of a model has none
/// @param tied whether the head is the embedding
/// @param norms path → width
public record ModelShape(
    List<LayerShape> linears,
    @Nullable LayerShape embedding,
    @Nullable LayerShape head,
    boolean tied,
    Map<String, Integer> norms) {

  /// The shape of linear layers only.
  public static ModelShape of(List<LayerShape> linears) {
    return new ModelShape(List.copyOf(linears), null, null, false, Map.of());
  }

  /// The shape of a model's modules.
  public static ModelShape of(Modules modules) {
    Embedding embedding = modules.embedding();
    LinearSlot head = modules.head();
    Map<String, Integer> norms = new LinkedHashMap<>();
    modules.norms().forEach((path, norm) -> norms.put(path, norm.weight().cols()));
    return new ModelShape(
        modules.linears().stream().map(ModelShape::of).toList(),
        embedding == null
            ? null
            : new LayerShape(
                modules.embeddingPath(), embedding.table().out(), embedding.table().in()),
        head == null ? null : of(head),
        modules.tied(),
        norms);
  }

  private static LayerShape of(LinearSlot slot) {
    return new LayerShape(slot.path(), slot.linear().in(), slot.linear().out());
  }

  /// Vocabulary size; 0 in a part of a model without an embedding.
  public int tokens() {
    return embedding == null ? 0 : embedding.in();
  }

  /// The paths of the linear layers of the decoder layers.
  public List<String> paths() {
    return linears.stream().map(LayerShape::path).toList();
  }

  /// The paths of the embedding and the head.
  public List<String> ends() {
    return Stream.of(embedding, head).filter(end -> end != null).map(LayerShape::path).toList();
  }

  /// Whether the embedding or the head is at `path`.
  public boolean isEnd(String path) {
    return ends().contains(path);
  }

  /// Whether the embedding is at `path`.
  public boolean isEmbedding(String path) {
    return embedding != null && embedding.path().equals(path);
  }

  /// The linear layer, head or embedding at a path; null if there is none.
  public @Nullable LayerShape at(String path) {
    return Stream.concat(linears.stream(), Stream.of(embedding, head))
        .filter(shape -> shape != null && shape.path().equals(path))
        .findFirst()
        .orElse(null);
  }

  /// The modules that get A and B, in model order: the embedding, layers, the head.
  ///
  /// @throws InputException if a target matches nothing
  public List<LayerShape> adapted(Lora spec) {
    List<String> paths = paths();
    Set<String> selected = new LinkedHashSet<>(spec.select(paths, ends()));
    ExpertPaths.checkWhole(paths, selected);
    if (embedding != null && head != null && tied && spec.extras().tied()) {
      if (selected.contains(embedding.path()) && !selected.contains(head.path())) {
        selected.add(head.path());
      }
    }
    selected.removeIf(spec.extras()::saves);
    if (selected.isEmpty()) {
      throw new InputException(
          "--targets %s select only what --modules-to-save trains whole; give other targets"
              .formatted(spec.targets()));
    }
    return Stream.concat(Stream.of(embedding), Stream.concat(linears.stream(), Stream.of(head)))
        .filter(shape -> shape != null && selected.contains(shape.path()))
        .map(shape -> (LayerShape) shape)
        .toList();
  }

  /// Refuses embedding and head where plain A and B alone can be on them.
  ///
  /// @param what cannot
  public void checkInside(String what, List<LayerShape> adapted) {
    for (LayerShape layer : adapted) {
      if (isEnd(layer.path())) {
        throw new InputException(
            "%s works on linear layers of decoder layers, not on %s; leave it out of --targets"
                .formatted(what, Targets.leaf(layer.path())));
      }
    }
  }

  /// Refuses experts and routers where each layer finds a rank of its own.
  ///
  /// @param what does
  public void checkOwnRanks(String what, Lora spec) {
    if (spec.resolved(this).targets() instanceof Targets.Parameters) {
      throw ExpertTargets.refused(what, "all experts of a layer have one rank");
    }
  }

  /// The paths of the modules that are saved whole, in model order.
  ///
  /// @param flag what names them: `--modules-to-save`
  /// @throws InputException if a name matches nothing
  public List<String> saved(Extras extras, String flag) {
    List<String> all = new ArrayList<>(paths());
    all.addAll(norms.keySet());
    all.addAll(ends());
    for (String name : extras.modules()) {
      if (all.stream().noneMatch(path -> path.endsWith(name))) {
        List<String> leaves = all.stream().map(Targets::leaf).distinct().sorted().toList();
        throw new InputException(
            "%s '%s' matches no embedding, head, linear layer or norm%s; they are %s"
                .formatted(flag, name, Nearest.hint(name, leaves), String.join(", ", leaves)));
      }
    }
    return all.stream().filter(extras::saves).toList();
  }

  /// Checks that token rows are requested of the embedding or the head only.
  ///
  /// @throws InputException in one line
  public void checkTokens(Extras extras, List<LayerShape> adapted) {
    boolean any = !extras.tokens().isEmpty();
    for (LayerShape layer : adapted) {
      boolean rows = !extras.ids(layer.path()).isEmpty() || (tied && any);
      if (isEnd(layer.path()) && rows) {
        throw new InputException(
            "rows of tokens are trained by themselves, so %s cannot carry A and B too; leave it out of --targets, or train it whole with --modules-to-save"
                .formatted(Targets.leaf(layer.path())));
      }
    }
    for (String name : extras.tokens().keySet()) {
      if (ends().stream().noneMatch(path -> path.endsWith(name))) {
        throw new InputException(
            "trainable_token_indices of '%s': rows of tokens are in %s"
                .formatted(name, String.join(" and ", ends())));
      }
      if (ends().stream().anyMatch(path -> path.endsWith(name) && extras.saves(path))) {
        throw new InputException(
            "%s is in modules_to_save and in trainable_token_indices; leave it out of one"
                .formatted(name));
      }
    }
  }
}
