package dev.nudge.adapter;

import dev.nudge.format.Entry;
import dev.nudge.format.OutFolder;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.StoredType;
import dev.nudge.format.WeightFile;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Opens an adapter folder, PEFT's or a run's, and holds it against a model before a number is
/// read.
///
/// PEFT warns of tensors that are missing or too many, and goes on; here both are errors, since the
/// model would answer without a part of its adapter.
///
/// Threading: immutable; close it when the adapter is attached.
public final class PeftAdapter implements Source, AutoCloseable {
  /// The files of an adapter that change what it says.
  public static final List<String> FILES = List.of(PeftConfig.FILE, PeftFiles.WEIGHTS);

  private static final Set<StoredType> TYPES =
      Set.of(StoredType.F32, StoredType.F16, StoredType.BF16);

  private final Path folder;
  private final Lora spec;
  private final WeightFile tensors;

  private PeftAdapter(Path folder, Lora spec, WeightFile tensors) {
    this.folder = folder;
    this.spec = spec;
    this.tensors = tensors;
  }

  /// Opens `folder` and reads its config and the header of its weights.
  ///
  /// @throws InputException where it is no adapter, or one that cannot be honoured
  public static PeftAdapter open(Path folder) {
    OutFolder.mend(folder);
    Path config = folder.resolve(PeftConfig.FILE);
    Path weights = folder.resolve(PeftFiles.WEIGHTS);
    if (!Files.isRegularFile(config)) {
      throw new InputException(
          "%s is not an adapter: it has no %s%s"
              .formatted(folder, PeftConfig.FILE, elsewhere(folder)));
    }
    Lora spec = PeftConfig.read(config);
    if (!Files.isRegularFile(weights)) {
      throw new InputException(
          Files.isRegularFile(folder.resolve("adapter_model.bin"))
              ? "%s has its weights only in adapter_model.bin, a pickle that can run code; load it with PEFT and save it with safe_serialization=True to get %s"
                  .formatted(folder, PeftFiles.WEIGHTS)
              : "%s is not an adapter: it has no %s".formatted(folder, PeftFiles.WEIGHTS));
    }
    return new PeftAdapter(folder, spec, SafeTensors.open(weights));
  }

  public Path folder() {
    return folder;
  }

  public Lora spec() {
    return spec;
  }

  /// The tensors of the file.
  WeightFile tensors() {
    return tensors;
  }

  /// Checks that the adapter is one of a model and returns the layers that its A and B sit on.
  ///
  /// @throws InputException in one line: what differs, both values
  public List<LayerShape> fit(ModelShape model) {
    try {
      return check(model);
    } catch (InputException e) {
      String why = String.valueOf(e.getMessage()).replaceAll("\\p{Cntrl}+", " ");
      throw new InputException("adapter %s: %s".formatted(folder, why), e);
    }
  }

  /// Whether it holds whole modules or rows of tokens, which no factor can weigh.
  public boolean holdsWhole() {
    return !spec.extras().isEmpty();
  }

  /// Whether it changes whole modules, rows of tokens or the vocabulary.
  boolean holdsTables() {
    return holdsWhole() || tensors.names().stream().anyMatch(PeftFiles::isTable);
  }

  /// Rows of the model's vocabulary with this adapter on it.
  public int vocabulary(ModelShape model) {
    LayerShape embedding = model.embedding();
    int most = embedding == null ? 0 : embedding.in();
    for (String path : model.ends()) {
      String table = table(path);
      List<Long> shape = table == null ? List.of(0L) : tensors.entry(table).shape();
      most = (int) Math.max(most, Math.min(shape.getFirst(), Integer.MAX_VALUE));
      most =
          Math.max(most, spec.extras().ids(path).stream().mapToInt(id -> id + 1).max().orElse(0));
    }
    return most;
  }

  /// The tokenizer that was saved with tokens of its own; null where the model's own counts.
  public @Nullable Path tokenizer() {
    Path file = folder.resolve("tokenizer.json");
    return holdsTables() && Files.isRegularFile(file) ? file : null;
  }

  @Override
  public void linear(String path, Tensor a, Tensor b) {
    Room.copy(tensors.tensor(PeftFiles.nameOfA(path)), a);
    Room.copy(tensors.tensor(PeftFiles.nameOfB(path)), b);
  }

  @Override
  public void embedding(String path, Tensor a, Tensor b) {
    Tensor stored = tensors.tensor(PeftFiles.nameOfEmbeddingA(path)); // (rank, vocabulary)
    for (int r = 0; r < stored.rows(); r++) {
      for (int c = 0; c < stored.cols(); c++) {
        a.set(c, r, stored.get(r, c));
      }
    }
    Room.copy(tensors.tensor(PeftFiles.nameOfEmbeddingB(path)), b);
  }

  @Override
  public @Nullable Tensor weight(String path) {
    String name = table(path);
    return name == null ? null : tensors.tensor(name);
  }

  @Override
  public @Nullable String table(String path) {
    return PeftFiles.namesOfTable(path).stream()
        .filter(tensors.names()::contains)
        .findFirst()
        .orElse(null);
  }

  @Override
  public @Nullable Tensor bias(String path) {
    String name = PeftFiles.nameOfBias(path);
    return tensors.names().contains(name) ? tensors.tensor(name) : null;
  }

  @Override
  public @Nullable Tensor rows(String path) {
    String name = PeftFiles.nameOfRows(path);
    return tensors.names().contains(name) ? tensors.tensor(name) : null;
  }

  @Override
  public void close() {
    tensors.close();
  }

  private List<LayerShape> check(ModelShape model) {
    checkDepth(model.paths());
    model.ends().forEach(path -> checkEnd(path, model));
    tensors.names().forEach(name -> checkSides(name, model));
    List<LayerShape> adapted = model.adapted(spec);
    model.checkTokens(spec.extras(), adapted);
    List<String> saved = model.saved(spec.extras(), "modules_to_save");
    checkNames(model, adapted, saved);
    adapted.forEach(layer -> checkRank(layer, model.isEmbedding(layer.path())));
    saved.forEach(path -> checkWhole(path, model));
    tensors.names().forEach(this::checkType);
    return adapted;
  }

  /// A module that is saved whole has the model's shape; a table may have more rows.
  private void checkWhole(String path, ModelShape model) {
    LayerShape layer = model.at(path);
    Integer width = model.norms().get(path);
    if (model.isEnd(path) || (layer == null && width == null)) {
      return;
    }
    List<Long> shape = tensors.entry(PeftFiles.nameOfWeight(path)).shape();
    List<Long> expected =
        layer == null
            ? List.of((long) Objects.requireNonNull(width))
            : List.of((long) layer.out(), (long) layer.in());
    if (!shape.equals(expected)) {
      throw new InputException(
          "it is of another model: %s is %s, this model's %s"
              .formatted(PeftFiles.nameOfWeight(path), shape, expected));
    }
    Tensor bias = bias(path);
    if (bias != null && (layer == null || bias.elements() != layer.out())) {
      throw new InputException(
          "it is of another model: %s has %d numbers, this model's %d"
              .formatted(
                  PeftFiles.nameOfBias(path), bias.elements(), layer == null ? 0 : layer.out()));
    }
  }

  /// The ids of rows of a table; of a tied head those of the embedding.
  private List<Integer> ids(String path, ModelShape model) {
    List<Integer> own = spec.extras().ids(path);
    LayerShape embedding = model.embedding();
    return own.isEmpty() && model.tied() && embedding != null
        ? spec.extras().ids(embedding.path())
        : own;
  }

  private void checkEnd(String path, ModelShape model) {
    LayerShape end = Objects.requireNonNull(model.at(path));
    int width = model.isEmbedding(path) ? end.out() : end.in();
    int tokens = model.isEmbedding(path) ? end.in() : end.out();
    for (String name : PeftFiles.namesOfTable(path)) {
      if (tensors.names().contains(name)) {
        List<Long> shape = tensors.entry(name).shape();
        if (shape.size() != 2 || shape.get(1) != width || shape.get(0) < tokens) {
          throw new InputException(
              "it is of another model, or of one with fewer tokens: %s is %s, this model's %s has %d tokens of %d numbers"
                  .formatted(name, shape, path, tokens, width));
        }
      }
    }
    String rows = PeftFiles.nameOfRows(path);
    int ids = ids(path, model).size();
    if (tensors.names().contains(rows)
        && !tensors.entry(rows).shape().equals(List.of((long) ids, (long) width))) {
      throw new InputException(
          "%s is %s; %d token ids of %d numbers each are in %s"
              .formatted(rows, tensors.entry(rows).shape(), ids, width, PeftConfig.FILE));
    }
  }

  /// An adapter of a deeper model: said as that, not as a hundred tensors too many.
  private void checkDepth(Collection<String> paths) {
    Set<Integer> model = indices(paths.stream());
    Set<Integer> adapter =
        indices(
            tensors.names().stream()
                .filter(n -> PeftFiles.isA(n) || PeftFiles.isB(n))
                .map(PeftFiles::pathOf));
    if (!model.isEmpty() && !model.containsAll(adapter)) {
      throw new InputException(
          "it is of another model: it has weights for %s, this model has %s"
              .formatted(Selection.range(adapter), Selection.range(model)));
    }
  }

  private static Set<Integer> indices(Stream<String> paths) {
    Set<Integer> indices = new TreeSet<>();
    paths.map(Layers::of).filter(OptionalInt::isPresent).forEach(i -> indices.add(i.getAsInt()));
    return indices;
  }

  private void checkSides(String name, ModelShape model) {
    boolean a = PeftFiles.isA(name);
    LayerShape layer = a || PeftFiles.isB(name) ? model.at(PeftFiles.pathOf(name)) : null;
    if (layer == null) {
      return;
    }
    List<Long> shape = tensors.entry(name).shape();
    if (shape.size() != 2) {
      throw new InputException(
          "tensor %s has shape %s; it needs two dimensions".formatted(name, shape));
    }
    Tensor table = !a && model.isEnd(layer.path()) ? weight(layer.path()) : null; // may have grown
    long side = a ? shape.get(1) : shape.get(0);
    int expected = a ? layer.in() : table == null ? layer.out() : table.rows();
    if (side != expected) {
      throw new InputException(
          "it is of another model: %s has %d %s, this model's %s has %d"
              .formatted(name, side, a ? "inputs" : "outputs", layer.path(), expected));
    }
  }

  private void checkNames(ModelShape model, List<LayerShape> adapted, List<String> saved) {
    Set<String> expected = new TreeSet<>();
    for (LayerShape layer : adapted) {
      boolean embedding = model.isEmbedding(layer.path());
      expected.add(nameOfA(layer.path(), embedding));
      expected.add(nameOfB(layer.path(), embedding));
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
      if (!ids(path, model).isEmpty()) {
        allowed.add(PeftFiles.nameOfRows(path));
      }
    }
    checkEnds(model, saved);
    List<String> extra =
        tensors.names().stream()
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
                      ? ": target_modules %s do not select its layer".formatted(spec.targets())
                      : Nearest.hint(name, expected),
                  more(extra)));
    }
    List<String> missing = expected.stream().filter(n -> !tensors.names().contains(n)).toList();
    if (!missing.isEmpty()) {
      String name = missing.get(0);
      throw new InputException(
          name.contains(".lora_")
              ? "tensor %s is missing, though target_modules %s select its layer%s"
                  .formatted(name, spec.targets(), more(missing))
              : "tensor %s is missing, though %s names it in modules_to_save%s"
                  .formatted(name, PeftConfig.FILE, more(missing)));
    }
  }

  /// What is said to be saved of the embedding and the head is there, at least for one of two that
  /// are tied.
  private void checkEnds(ModelShape model, List<String> saved) {
    List<String> wholes = saved.stream().filter(model::isEnd).toList();
    checkOne(model, wholes, PeftFiles::nameOfWeight);
    List<String> rows =
        model.ends().stream().filter(path -> !spec.extras().ids(path).isEmpty()).toList();
    checkOne(model, rows, PeftFiles::nameOfRows);
  }

  private void checkOne(ModelShape model, List<String> paths, UnaryOperator<String> name) {
    List<String> missing =
        paths.stream().map(name).filter(n -> !tensors.names().contains(n)).toList();
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
    int rank = spec.rank(path);
    List<Long> a = tensors.entry(nameOfA(path, embedding)).shape();
    List<Long> b = tensors.entry(nameOfB(path, embedding)).shape();
    Tensor table = embedding ? weight(path) : null;
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

  private void checkType(String name) {
    Entry entry = tensors.entry(name);
    if (!TYPES.contains(entry.type())) {
      throw new InputException(
          "tensor %s is %s; F32, F16 and BF16 are read".formatted(name, entry.type()));
    }
  }

  /// Says what the folder is instead, where that is clear.
  private static String elsewhere(Path folder) {
    if (!Files.isDirectory(folder)) {
      return Files.exists(folder) ? " (it is a file)" : " (it does not exist)";
    }
    if (Files.isRegularFile(folder.resolve("config.json"))) {
      return "; it is a model folder, which goes to --model";
    }
    List<String> inside = new ArrayList<>();
    try (Stream<Path> children = Files.list(folder)) {
      children
          .filter(child -> Files.isRegularFile(child.resolve(PeftConfig.FILE)))
          .map(Path::toString)
          .sorted()
          .limit(3)
          .forEach(inside::add);
    } catch (IOException e) {
      return "; it cannot be listed";
    }
    return inside.isEmpty() ? "" : "; did you mean " + Nearest.alternatives(inside) + "?";
  }
}
