package dev.nudge.model;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.FolderText;
import dev.nudge.format.WeightFile;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// The stored weights of a model folder: the file, and the one format of its quantised layers.
///
/// @param format null: no layer is quantised
/// @param layers how the decoder's linear layers are stored
record ModelWeights(WeightFile file, @Nullable WeightFormat format, Quantization layers)
    implements AutoCloseable {
  /// Files of GPTQ and AWQ beside a config.json that declares nothing.
  private static final List<String> BESIDE = List.of("quantize_config.json", "quant_config.json");

  /// Opens a model folder.
  ///
  /// @throws dev.nudge.settings.InputException if its files cannot be read
  static ModelWeights open(Path folder, ModelConfig config) {
    WeightFile file = StackedExperts.open(folder, config);
    try {
      WeightFormat format = WeightFormats.in(declared(folder), file);
      return format == null
          ? new ModelWeights(file, null, Quantization.NONE)
          : of(file, format, config);
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  static ModelWeights of(WeightFile file, WeightFormat format, ModelConfig config) {
    List<String> ends = new ArrayList<>();
    if (format.holdsEnds()) {
      ends.add(WeightFormats.module(config.embedding()));
      ends.add(WeightFormats.module(config.head()));
    }
    ends.removeIf(path -> !format.stores(file, path));
    List<String> paths = config.projections();
    List<String> quantised = new ArrayList<>(paths);
    quantised.removeIf(path -> !format.stores(file, path));
    Set<String> left = new TreeSet<>(paths);
    quantised.forEach(left::remove);
    quantised.addAll(ends);
    WeightFormat variant = format.in(file, quantised);
    return new ModelWeights(
        file,
        variant,
        quantised.isEmpty()
            ? Quantization.NONE
            : new Quantization(variant, left, Set.copyOf(ends)));
  }

  /// The `quantization_config` of a folder; null if it has none.
  static @Nullable ConfigJson declared(Path folder) {
    Path config = folder.resolve(ModelFolder.CONFIG);
    ConfigJson q =
        FolderText.exists(config) ? WeightFormats.declaration(ConfigJson.read(config)) : null;
    for (String name : BESIDE) {
      Path file = folder.resolve(name);
      if (q == null && FolderText.exists(file)) {
        ConfigJson beside = ConfigJson.read(file);
        q = WeightFormats.isDeclaration(beside) ? beside : null;
      }
    }
    return q;
  }

  /// The quantised format of the module at this path; null: it is dense.
  @Nullable WeightFormat format(String path) {
    return format != null && format.stores(file, path) ? format : null;
  }

  /// The name of the tensor that holds the numbers of the module at this path.
  String numbers(String path) {
    WeightFormat own = format(path);
    return own == null ? path + ".weight" : own.parts(path).getFirst();
  }

  /// How the layers are held: as stored if they are stored quantised, else as `wanted`.
  Quantization held(Quantization wanted) {
    return layers.any() ? layers : wanted;
  }

  @Override
  public void close() {
    file.close();
  }
}
