package dev.nudge.export;

import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.format.DiskRoom;
import dev.nudge.format.GgufWriter;
import dev.nudge.format.OutFolder;
import dev.nudge.gguf.GgufLayout;
import dev.nudge.gguf.GgufPairs;
import dev.nudge.gguf.GgufType;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Machine;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.ExportSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/// Writes an adapter alone as a LoRA file of llama.cpp, which adds it to a GGUF file of its base.
///
/// For each layer A (rank, in) and B (out, rank), B's rows in the order of the base's. llama.cpp
/// scales B·A by alpha / rank with one alpha for all layers, so a layer whose scale is another one
/// has its B multiplied.
final class LoraFile {
  private final ExportSettings settings;
  private final PeftAdapter adapter;
  private final TensorNames names;
  private final ModelConfig config;
  private final GgufType type;

  private LoraFile(ExportSettings settings, PeftAdapter adapter, ModelConfig config) {
    this.settings = settings;
    this.adapter = adapter;
    this.config = config;
    this.names = TensorNames.of(settings.model(), config);
    ExportSettings.Type wanted = settings.type();
    this.type = wanted == null ? GgufType.F32 : GgufType.valueOf(wanted.name());
  }

  /// Checks the adapter and writes the file.
  ///
  /// @throws InputException if llama.cpp's files have no place for a part of it
  static Exported write(ExportSettings settings, Machine machine, Consumer<String> warnings) {
    long start = System.nanoTime();
    Path folder = Objects.requireNonNull(settings.adapter(), "adapter");
    Path model = settings.model();
    ModelConfig config = ModelConfig.load(model);
    Quantization held = Quantization.resolve(ModelSettings.of(model), config);
    Identity.Model base =
        new Identity.Model(model, held.format(), () -> BaseDigest.of(model, machine.cache()));
    try (PeftAdapter adapter = PeftAdapter.open(folder)) {
      adapter.carry(Identity.folded(folder, base, settings.anyBase()));
      LoraFile file = new LoraFile(settings, adapter, config);
      List<LayerShape> layers = adapter.fit(ModelShape.of(Checkpoint.places(config)));
      file.check(layers);
      Identity.check(folder, base, settings.anyBase(), warnings);
      return file.write(layers, GeneralKeys.of(settings, warnings), start);
    }
  }

  private void check(List<LayerShape> layers) {
    Lora spec = adapter.spec();
    if (spec.variant() != Lora.Variant.PLAIN) {
      throw refuse("is " + spec.variant().shown());
    }
    if (spec.extras().score()) {
      throw refuse("is a reward model with a score head");
    }
    if (adapter.holdsWhole()) {
      throw refuse("holds whole modules or rows of tokens");
    }
    for (LayerShape layer : layers) {
      boolean head = layer.path().equals(config.headModule());
      if (layer.path().equals(config.embeddingModule()) || head && config.tieWordEmbeddings()) {
        throw refuse("changes " + layer.path() + (head ? ", which is the embedding too" : ""));
      }
    }
  }

  private InputException refuse(String what) {
    return new InputException(
        "adapter %s %s, for which a LoRA file of llama.cpp has no place; leave --adapter-only out to merge it"
            .formatted(adapter.folder(), what));
  }

  private Exported write(List<LayerShape> layers, GeneralKeys general, long start) {
    GgufPairs pairs = new GgufPairs();
    general.put(pairs, names.architecture(), "adapter");
    pairs.text("adapter.type", "lora");
    pairs.number("adapter.lora.alpha", alpha(layers));
    List<GgufLayout.Planned> planned = new ArrayList<>();
    for (LayerShape layer : layers) {
      long rank = adapter.spec().rank(layer.path());
      planned.add(planned(layer, "a", rank, layer.in()));
      planned.add(planned(layer, "b", layer.out(), rank));
    }
    GgufLayout layout = GgufLayout.of(pairs, planned);
    Path folder = Objects.requireNonNull(settings.out().toAbsolutePath().getParent(), "a root");
    DiskRoom.check(folder, layout.bytes(), "a GGUF file", "");
    OutFolder.make(folder);
    try (GgufWriter writer = GgufWriter.create(settings.out(), layout)) {
      layers.forEach(layer -> write(layer, layers, writer));
      writer.place();
    }
    return new Exported(
        settings.out(),
        Modelfile.ofAdapter(settings),
        names.architecture().key(),
        ExportSettings.Type.valueOf(type.name()).toString(),
        planned.size(),
        layout.bytes(),
        general.licence(),
        (System.nanoTime() - start) / 1e9);
  }

  /// The alpha that makes the first layer's scale; 1 if that is 0.
  private double alpha(List<LayerShape> layers) {
    String first = layers.getFirst().path();
    double alpha = adapter.spec().scaling(first) * adapter.spec().rank(first);
    return alpha == 0 ? 1 : alpha;
  }

  private GgufLayout.Planned planned(LayerShape layer, String part, long rows, long cols) {
    GgufType fits = cols % type.block() == 0 ? type : GgufType.F32;
    return new GgufLayout.Planned(names.lora(layer.path(), part), fits, List.of(rows, cols));
  }

  private void write(LayerShape layer, List<LayerShape> layers, GgufWriter writer) {
    int rank = adapter.spec().rank(layer.path());
    long bytes = 8L * rank * (layer.in() + layer.out()) + 4096;
    try (Scope scope = Scope.open("LoRA file");
        Workspace ws = new Workspace(0, bytes, Gemm.plain())) {
      Tensor a = scope.tensor(Dtype.F32, rank, layer.in());
      Tensor b = scope.tensor(Dtype.F32, layer.out(), rank);
      adapter.linear(layer.path(), a, b);
      float factor = (float) (adapter.spec().scaling(layer.path()) * rank / alpha(layers));
      for (long i = 0; factor != 1 && i < b.elements(); i++) {
        b.put(i, factor * (float) b.at(i));
      }
      StoredRows plain = StoredRows.of(names.lora(layer.path(), "a"), type, null, false);
      StoredRows ordered =
          StoredRows.of(
              names.lora(layer.path(), "b"),
              type,
              names.order(names.weight(layer.path()), layer.out()),
              false);
      writer.write(plain.name(), plain.store(0, a, ws, Kernels.plain()).data());
      writer.write(ordered.name(), ordered.store(0, b, ws, Kernels.plain()).data());
    }
  }
}
