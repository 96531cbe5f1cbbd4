package dev.nudge.calibrate;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.DiskRoom;
import dev.nudge.format.Entry;
import dev.nudge.format.FoldedScales;
import dev.nudge.format.OutFolder;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.python.PythonJson;
import dev.nudge.quant.GroupedFile;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The files of a quantised model: one a decoder layer, one with all other tensors, and an index.
/// A layer's file appears when it is complete, so what is there is finished.
final class LayerFiles {
  private static final Map<String, String> META = Map.of("format", "pt");
  private static final String INDEX = "model.safetensors.index.json";

  private final Path folder;
  private final ModelConfig config;
  private final GroupedFile format;

  LayerFiles(Path folder, ModelConfig config, GroupedFile format) {
    this.folder = folder;
    this.config = config;
    this.format = format;
  }

  /// @param i a layer; their number: the file of all other tensors
  private Path file(int i) {
    int all = config.numHiddenLayers() + 1;
    return folder.resolve("model-%05d-of-%05d.safetensors".formatted(i + 1, all));
  }

  private Path scales(int i) {
    return folder.resolve("scales-%05d.safetensors".formatted(i + 1));
  }

  /// Whether a layer is finished.
  boolean has(int i) {
    return Files.isRegularFile(file(i));
  }

  /// Bytes of the layers that are finished.
  long bytes() {
    return DiskRoom.bytes(
        IntStream.range(0, config.numHiddenLayers()).mapToObj(this::file).toList());
  }

  /// Writes a quantised layer: its codes, and its other tensors in the types of the source.
  void write(int i, LayerInMemory layer, Kernels kernels) {
    if (!layer.scales().isEmpty()) {
      scales(i, layer.scales());
    }
    Map<String, LayerInMemory.Linear> byWeight = new LinkedHashMap<>();
    Map<String, String> names = new LinkedHashMap<>();
    Map<String, Tensor> changed = new LinkedHashMap<>();
    layer
        .linears()
        .forEach(
            (name, linear) -> {
              byWeight.put(linear.path() + ".weight", linear);
              names.put(linear.path() + ".weight", name);
              Tensor bias = linear.bias();
              if (bias != null) {
                changed.put(linear.path() + ".bias", bias);
              }
            });
    layer.norms().forEach((name, norm) -> changed.put(layer.prefix() + name + ".weight", norm));
    WeightFile source = layer.file();
    List<String> all = source.names().stream().filter(n -> n.startsWith(layer.prefix())).toList();
    List<Entry> entries = new ArrayList<>();
    for (String name : all) {
      LayerInMemory.Linear linear = byWeight.get(name);
      entries.addAll(
          linear == null
              ? List.of(source.entry(name))
              : format.entries(
                  linear.path(), linear.weight().rows(), linear.weight().cols(), linear.before()));
    }
    try (SafeTensorsWriter to = SafeTensorsWriter.create(file(i), META, entries);
        Scope scope = Scope.open("tensors of a layer")) {
      for (String name : all) {
        LayerInMemory.Linear linear = byWeight.get(name);
        Tensor now = changed.get(name);
        if (linear != null) {
          String short_ = Objects.requireNonNull(names.get(name));
          var codes = Objects.requireNonNull(layer.codes().get(short_));
          format.write(to, linear.path(), linear.before(), codes);
        } else if (now != null) {
          Entry entry = source.entry(name);
          Tensor stored = scope.tensor(Objects.requireNonNull(entry.type().dtype()), now.shape());
          kernels.elementwise().copy(now, stored);
          to.write(name, stored.data());
        } else {
          to.write(name, source.bytes(name));
        }
      }
    }
  }

  private void scales(int i, Map<String, double[]> scales) {
    List<Entry> entries = new ArrayList<>();
    scales.forEach((name, s) -> entries.add(Entry.of(name, Dtype.F32, s.length)));
    try (SafeTensorsWriter to = SafeTensorsWriter.create(scales(i), Map.of(), entries);
        Scope scope = Scope.open("scales")) {
      scales.forEach(
          (name, s) -> {
            Tensor t = scope.tensor(Dtype.F32, s.length);
            for (int k = 0; k < s.length; k++) {
              t.put(k, s[k]);
            }
            to.write(name, t);
          });
    }
  }

  /// Reads a finished layer into one in memory, as any reader of the folder will see it.
  void read(int i, LayerInMemory layer, WeightFormat read, Kernels kernels) {
    try (WeightFile file = SafeTensors.open(file(i));
        Scope scope = Scope.open("finished layer");
        Workspace none = Workspace.measuring()) {
      for (LayerInMemory.Linear linear : layer.linears().values()) {
        Tensor weight = linear.weight();
        var stored = read.load(file, linear.path(), weight.rows(), weight.cols(), scope);
        stored.make(0, weight.rows(), weight, none, kernels);
        if (linear.bias() != null) {
          row(file.tensor(linear.path() + ".bias"), linear.bias(), kernels);
        }
      }
      layer
          .norms()
          .forEach(
              (name, norm) -> row(file.tensor(layer.prefix() + name + ".weight"), norm, kernels));
    }
  }

  private static void row(Tensor stored, Tensor to, Kernels kernels) {
    kernels.elementwise().copy(stored.reshaped(1, stored.elements()), to);
  }

  /// Writes what is no decoder layer's, the index, and the factors that were folded.
  ///
  /// @return bytes of all tensors
  long finish(WeightFile source) {
    int layers = config.numHiddenLayers();
    List<String> others = source.names().stream().filter(name -> !inLayer(name, layers)).toList();
    List<Entry> entries = others.stream().map(source::entry).toList();
    try (SafeTensorsWriter to = SafeTensorsWriter.create(file(layers), META, entries)) {
      others.forEach(name -> to.write(name, source.bytes(name)));
    }
    Map<String, Object> files = new TreeMap<>();
    long bytes = 0;
    for (int i = 0; i <= layers; i++) {
      try (WeightFile file = SafeTensors.open(file(i))) {
        for (String name : file.names()) {
          files.put(name, String.valueOf(file(i).getFileName()));
          bytes += file.entry(name).bytes();
        }
      }
    }
    Map<String, @Nullable Object> index = new TreeMap<>();
    index.put("metadata", Map.of("total_size", bytes));
    index.put("weight_map", files);
    OutFolder.place(folder.resolve(INDEX), PythonJson.write(index) + "\n");
    if (Files.isRegularFile(scales(0))) {
      together(layers);
    }
    return bytes;
  }

  private boolean inLayer(String name, int layers) {
    for (int i = 0; i < layers; i++) {
      if (name.startsWith(config.layer(i))) {
        return true;
      }
    }
    return false;
  }

  private void together(int layers) {
    List<WeightFile> files = new ArrayList<>();
    try {
      List<Entry> entries = new ArrayList<>();
      for (int i = 0; i < layers; i++) {
        WeightFile file = SafeTensors.open(scales(i));
        files.add(file);
        file.names().forEach(name -> entries.add(file.entry(name)));
      }
      Path all = folder.resolve(FoldedScales.FILE);
      try (SafeTensorsWriter to = SafeTensorsWriter.create(all, Map.of(), entries)) {
        files.forEach(file -> file.names().forEach(name -> to.write(name, file.bytes(name))));
      }
    } finally {
      files.forEach(WeightFile::close);
    }
  }

  /// The format in which the folder's `config.json` declares the layers.
  static WeightFormat declared(Path config) {
    return WeightFormats.declared(
        Objects.requireNonNull(WeightFormats.declaration(ConfigJson.read(config))));
  }
}
