package dev.nudge.adapter;

import dev.nudge.format.Entry;
import dev.nudge.format.OutFolder;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.StoredType;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/// Opens an adapter folder, PEFT's or a run's, and holds it against a model before a number is
/// read.
///
/// PEFT warns of tensors that are missing or too many, and goes on; here both are errors, since the
/// model would answer without a part of its adapter.
///
/// Threading: immutable; close it when the adapter is attached.
public final class PeftAdapter implements AutoCloseable {
  private static final Set<StoredType> TYPES =
      Set.of(StoredType.F32, StoredType.F16, StoredType.BF16);

  private final Path folder;
  private final Lora spec;
  private final SafeTensors tensors;

  private PeftAdapter(Path folder, Lora spec, SafeTensors tensors) {
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

  /// Checks that the adapter is one of a model and returns the paths of the layers it sits on.
  ///
  /// @param layers the linear layers that can carry an adapter, in model order
  /// @param untargetable paths of the output head and the embeddings
  /// @throws InputException in one line: what differs, both values
  public List<LayerShape> fit(Collection<LayerShape> layers, Collection<String> untargetable) {
    try {
      return check(layers, untargetable);
    } catch (InputException e) {
      String why = String.valueOf(e.getMessage()).replaceAll("\\p{Cntrl}+", " ");
      throw new InputException("adapter %s: %s".formatted(folder, why), e);
    }
  }

  /// Copies A (rank, in) and B (out, rank) of the layer at `path`.
  public void read(String path, Tensor a, Tensor b) {
    copy(tensors.tensor(PeftFiles.nameOfA(path)), a);
    copy(tensors.tensor(PeftFiles.nameOfB(path)), b);
  }

  @Override
  public void close() {
    tensors.close();
  }

  private List<LayerShape> check(Collection<LayerShape> layers, Collection<String> untargetable) {
    Map<String, LayerShape> byPath = new LinkedHashMap<>();
    layers.forEach(layer -> byPath.put(layer.path(), layer));
    checkDepth(byPath.keySet());
    tensors.names().forEach(name -> checkSides(name, byPath));
    List<String> selected = spec.select(byPath.keySet(), untargetable);
    checkNames(selected, byPath.keySet());
    selected.forEach(this::checkRank);
    tensors.names().forEach(this::checkType);
    return selected.stream().map(byPath::get).toList();
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

  private void checkSides(String name, Map<String, LayerShape> byPath) {
    boolean a = PeftFiles.isA(name);
    LayerShape layer = a || PeftFiles.isB(name) ? byPath.get(PeftFiles.pathOf(name)) : null;
    if (layer == null) {
      return;
    }
    List<Long> shape = tensors.entry(name).shape();
    if (shape.size() != 2) {
      throw new InputException(
          "tensor %s has shape %s; it needs two dimensions".formatted(name, shape));
    }
    long side = a ? shape.get(1) : shape.get(0);
    if (side != (a ? layer.in() : layer.out())) {
      throw new InputException(
          "it is of another model: %s has %d %s, this model's %s has %d"
              .formatted(
                  name,
                  side,
                  a ? "inputs" : "outputs",
                  layer.path(),
                  a ? layer.in() : layer.out()));
    }
  }

  private void checkNames(List<String> selected, Set<String> paths) {
    Set<String> expected = new TreeSet<>();
    selected.forEach(
        path -> {
          expected.add(PeftFiles.nameOfA(path));
          expected.add(PeftFiles.nameOfB(path));
        });
    List<String> extra = tensors.names().stream().filter(n -> !expected.contains(n)).toList();
    if (!extra.isEmpty()) {
      String name = extra.get(0);
      boolean known =
          (PeftFiles.isA(name) || PeftFiles.isB(name)) && paths.contains(PeftFiles.pathOf(name));
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
      throw new InputException(
          "tensor %s is missing, though target_modules %s select its layer%s"
              .formatted(missing.get(0), spec.targets(), more(missing)));
    }
  }

  private static String more(List<String> names) {
    return names.size() == 1 ? "" : " (and %d more like it)".formatted(names.size() - 1);
  }

  private void checkRank(String path) {
    int rank = spec.rank(path);
    long rows = tensors.entry(PeftFiles.nameOfA(path)).shape().get(0);
    long cols = tensors.entry(PeftFiles.nameOfB(path)).shape().get(1);
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

  private static void copy(Tensor from, Tensor to) {
    for (long i = 0; i < from.elements(); i++) {
      to.put(i, from.at(i));
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
