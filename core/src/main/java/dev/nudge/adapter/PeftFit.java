package dev.nudge.adapter;

import dev.nudge.adapter.targets.LayerFilter;
import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.adapter.targets.Selection;
import dev.nudge.format.Entry;
import dev.nudge.format.StoredType;
import dev.nudge.format.WeightFile;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.tensor.Tensor;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/// Checks an adapter's config and tensor shapes against a model, before weights are read.
///
/// Each error is one line: what differs, with both values.
record PeftFit(PeftAdapter adapter, ModelShape model) {
  private static final Set<StoredType> TYPES =
      Set.of(StoredType.F32, StoredType.F16, StoredType.BF16);

  /// Checks everything and returns the layers that have A and B.
  List<LayerShape> check() {
    checkDepth(model.paths());
    model.ends().forEach(this::checkEnd);
    tensors().names().forEach(this::checkSides);
    List<LayerShape> adapted = model.adapted(where());
    model.checkTokens(adapter.extras(), adapted);
    List<String> saved = model.saved(adapter.extras(), "modules_to_save");
    checkNames(adapted, saved);
    if (adapter.kind().lowRank()) {
      adapted.forEach(layer -> checkRank(layer, model.isEmbedding(layer.path())));
    }
    if (!adapter.kind().adaptsEnds()) {
      model.checkInside(adapter.kind().shown(), adapted);
      adapted.forEach(this::checkVectors);
    }
    saved.forEach(this::checkWhole);
    checkScore();
    tensors().names().forEach(this::checkType);
    return adapted;
  }

  /// A module that is saved whole has the model's shape; a table may have more rows.
  private void checkWhole(String path) {
    LayerShape layer = model.at(path);
    Integer width = model.norms().get(path);
    if (model.isEnd(path) || (layer == null && width == null)) {
      return;
    }
    List<Long> shape = tensors().entry(PeftFiles.nameOfWeight(path)).shape();
    List<Long> expected =
        layer == null
            ? List.of((long) Objects.requireNonNull(width))
            : List.of((long) layer.out(), (long) layer.in());
    if (!shape.equals(expected)) {
      throw new InputException(
          "it is of another model: %s is %s, this model's %s"
              .formatted(PeftFiles.nameOfWeight(path), shape, expected));
    }
    Tensor bias = adapter.bias(path);
    if (bias != null && (layer == null || bias.elements() != layer.out())) {
      throw new InputException(
          "it is of another model: %s has %d numbers, this model's %d"
              .formatted(
                  PeftFiles.nameOfBias(path), bias.elements(), layer == null ? 0 : layer.out()));
    }
  }

  private void checkScore() {
    LayerShape embedding = model.embedding();
    if (where().extras().score() && embedding != null) {
      List<Long> shape = tensors().entry(PeftFiles.SCORE).shape();
      if (!shape.equals(List.of(1L, (long) embedding.out()))) {
        throw new InputException(
            "%s is %s; a score head of one label on this model is [1, %d]"
                .formatted(PeftFiles.SCORE, shape, embedding.out()));
      }
    }
  }

  /// The ids of the token rows of a table; for a tied head, those of the embedding.
  private List<Integer> ids(String path) {
    List<Integer> own = where().extras().ids(path);
    LayerShape embedding = model.embedding();
    return own.isEmpty() && model.tied() && embedding != null
        ? where().extras().ids(embedding.path())
        : own;
  }

  private void checkEnd(String path) {
    LayerShape end = Objects.requireNonNull(model.at(path));
    int width = model.isEmbedding(path) ? end.out() : end.in();
    int tokens = model.isEmbedding(path) ? end.in() : end.out();
    for (String name : PeftFiles.namesOfTable(path)) {
      if (tensors().names().contains(name)) {
        List<Long> shape = tensors().entry(name).shape();
        if (shape.size() != 2 || shape.get(1) != width || shape.get(0) < tokens) {
          throw new InputException(
              "it is of another model, or of one with fewer tokens: %s is %s, this model's %s has %d tokens of %d numbers"
                  .formatted(name, shape, path, tokens, width));
        }
      }
    }
    String rows = PeftFiles.nameOfRows(path);
    int ids = ids(path).size();
    if (tensors().names().contains(rows)
        && !tensors().entry(rows).shape().equals(List.of((long) ids, (long) width))) {
      throw new InputException(
          "%s is %s; %d token ids of %d numbers each are in %s"
              .formatted(rows, tensors().entry(rows).shape(), ids, width, PeftConfig.FILE));
    }
  }

  /// Reports an adapter of a deeper model as such, not as a hundred unexpected tensors.
  private void checkDepth(Collection<String> paths) {
    Set<Integer> model = indices(paths.stream());
    Set<Integer> theirs =
        indices(
            tensors().names().stream()
                .filter(n -> PeftFiles.isA(n) || PeftFiles.isB(n))
                .map(PeftFiles::pathOf));
    if (!model.isEmpty() && !model.containsAll(theirs)) {
      throw new InputException(
          "it is of another model: it has weights for %s, this model has %s"
              .formatted(Selection.range(theirs), Selection.range(model)));
    }
  }

  private static Set<Integer> indices(Stream<String> paths) {
    Set<Integer> indices = new TreeSet<>();
    paths
        .map(LayerFilter::of)
        .filter(OptionalInt::isPresent)
        .forEach(i -> indices.add(i.getAsInt()));
    return indices;
  }

  private void checkSides(String name) {
    boolean a = PeftFiles.isA(name);
    LayerShape layer = a || PeftFiles.isB(name) ? model.at(PeftFiles.pathOf(name)) : null;
    if (layer == null) {
      return;
    }
    List<Long> shape = tensors().entry(name).shape();
    if (shape.size() != 2) {
      throw new InputException(
          "tensor %s has shape %s; it needs two dimensions".formatted(name, shape));
    }
    Tensor table =
        !a && model.isEnd(layer.path()) ? adapter.weight(layer.path()) : null; // may have grown
    long side = a ? shape.get(1) : shape.get(0);
    int expected = a ? layer.in() : table == null ? layer.out() : table.rows();
    if (side != expected) {
      throw new InputException(
          "it is of another model: %s has %d %s, this model's %s has %d"
              .formatted(name, side, a ? "inputs" : "outputs", layer.path(), expected));
    }
  }

  private void checkNames(List<LayerShape> adapted, List<String> saved) {
    Set<String> expected = new TreeSet<>();
    for (LayerShape layer : adapted) {
      boolean embedding = model.isEmbedding(layer.path());
      if (adapter.kind().lowRank()) {
        expected.add(nameOfA(layer.path(), embedding));
        expected.add(nameOfB(layer.path(), embedding));
      }
      expected.addAll(adapter.kind().vectors(layer).keySet());
    }
    Set<String> ofLayers = Set.copyOf(expected);
    if (where().extras().score()) {
      expected.add(PeftFiles.SCORE);
    }
    Set<String> allowed = new TreeSet<>();
    for (String path : saved) {
      boolean end = model.isEnd(path); // of two that are tied, one may stand for both
      (end ? allowed : expected).add(PeftFiles.nameOfWeight(path));
      if (!end && model.at(path) != null) {
        allowed.add(PeftFiles.nameOfBias(path));
      }
    }
    for (String path : model.ends()) {
      allowed.addAll(PeftFiles.namesOfTable(path));
      allowed.addAll(PeftFiles.namesOfCopies(path));
      if (!ids(path).isEmpty()) {
        allowed.add(PeftFiles.nameOfRows(path));
      }
    }
    checkEnds(saved);
    List<String> extra =
        tensors().names().stream()
            .filter(n -> !expected.contains(n) && !allowed.contains(n))
            .toList();
    if (!extra.isEmpty()) {
      String name = extra.get(0);
      boolean known =
          (PeftFiles.isA(name) || PeftFiles.isB(name)) && model.at(PeftFiles.pathOf(name)) != null;
      throw new InputException(
          "tensor %s lands nowhere%s%s"
              .formatted(
                  name,
                  known
                      ? ": target_modules %s do not select its layer".formatted(where().targets())
                      : Nearest.hint(name, expected),
                  more(extra)));
    }
    List<String> missing = expected.stream().filter(n -> !tensors().names().contains(n)).toList();
    if (!missing.isEmpty()) {
      String name = missing.get(0);
      throw new InputException(
          ofLayers.contains(name)
              ? "tensor %s is missing, though target_modules %s select its layer%s"
                  .formatted(name, where().targets(), more(missing))
              : "tensor %s is missing, though %s names it in modules_to_save%s"
                  .formatted(name, PeftConfig.FILE, more(missing)));
    }
  }

  /// Checks that the whole embedding and head are in the file if the config says so; of a tied
  /// pair, one is enough.
  private void checkEnds(List<String> saved) {
    List<String> wholes = saved.stream().filter(model::isEnd).toList();
    checkOne(wholes, PeftFiles::nameOfWeight);
    List<String> rows =
        model.ends().stream().filter(path -> !where().extras().ids(path).isEmpty()).toList();
    checkOne(rows, PeftFiles::nameOfRows);
  }

  private void checkOne(List<String> paths, UnaryOperator<String> name) {
    List<String> missing =
        paths.stream().map(name).filter(n -> !tensors().names().contains(n)).toList();
    if (!missing.isEmpty() && (!model.tied() || missing.size() == paths.size())) {
      throw new InputException(
          "tensor %s is missing, which %s calls for".formatted(missing.get(0), PeftConfig.FILE));
    }
  }

  private static String nameOfA(String path, boolean embedding) {
    return embedding ? PeftFiles.nameOfEmbeddingA(path) : PeftFiles.nameOfA(path);
  }

  private static String nameOfB(String path, boolean embedding) {
    return embedding ? PeftFiles.nameOfEmbeddingB(path) : PeftFiles.nameOfB(path);
  }

  private static String more(List<String> names) {
    return names.size() == 1 ? "" : " (and %d more like it)".formatted(names.size() - 1);
  }

  private void checkRank(LayerShape layer, boolean embedding) {
    String path = layer.path();
    int rank = where().rank(path);
    List<Long> a = tensors().entry(nameOfA(path, embedding)).shape();
    List<Long> b = tensors().entry(nameOfB(path, embedding)).shape();
    Tensor table = embedding ? adapter.weight(path) : null;
    long tokens = table == null ? layer.in() : table.rows();
    if (embedding
        && !(a.size() == 2 && b.size() == 2 && a.get(1) == tokens && b.get(0) == layer.out())) {
      throw new InputException(
          "it is of another model: %s is %s and B %s, this model has %d tokens of %d numbers"
              .formatted(nameOfA(path, true), a, b, tokens, layer.out()));
    }
    long rows = a.get(0);
    long cols = b.get(1);
    if (rows != rank || cols != rank) {
      throw new InputException(
          "the rank of %s is %d in %s, but lora_A has %d rows and lora_B %d columns"
              .formatted(path, rank, PeftConfig.FILE, rows, cols));
    }
  }

  private void checkVectors(LayerShape layer) {
    adapter
        .kind()
        .vectors(layer)
        .forEach(
            (name, expected) -> {
              List<Long> shape = tensors().entry(name).shape();
              if (!shape.equals(expected)) {
                throw new InputException(
                    "it is of another model: %s is %s, this model's %s takes %s"
                        .formatted(name, shape, layer.path(), expected));
              }
            });
  }

  private void checkType(String name) {
    Entry entry = tensors().entry(name);
    if (!TYPES.contains(entry.type())) {
      throw new InputException(
          "tensor %s is %s; F32, F16 and BF16 are read".formatted(name, entry.type()));
    }
  }

  private Lora where() {
    return adapter.kind().where();
  }

  private WeightFile tensors() {
    return adapter.tensors();
  }
}
