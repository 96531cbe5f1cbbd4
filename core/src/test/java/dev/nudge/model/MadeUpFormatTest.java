package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.ConfigJson;
import dev.nudge.format.Entry;
import dev.nudge.format.StoredType;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.model.BnbFiles.Part;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.StoredLinear;
import dev.nudge.quant.StoredWeight;
import dev.nudge.quant.WeightFormat;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A weight format that nudge does not know, read only and under tensor names of its own, computes
/// and trains as its numbers do.
class MadeUpFormatTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/llama/grouped-tied/model");

  private final ModelConfig config = ModelConfig.load(MODEL);
  private final Backend backend = Backend.plain(Dtype.F32);
  @TempDir private Path temp;

  /// Eight bits a number and a scale a row.
  private record Rows8() implements WeightFormat {
    @Override
    public String name() {
      return "rows8";
    }

    @Override
    public String quantMethod() {
      return "rows8";
    }

    @Override
    public WeightFormat declared(ConfigJson q) {
      return this;
    }

    @Override
    public List<String> parts(String path) {
      return List.of(path + ".qweight", path + ".scales");
    }

    @Override
    public StoredWeight open(WeightFile file, String path, int rows, int cols) {
      return new Weight(file.tensor(path + ".qweight"), file.tensor(path + ".scales"));
    }

    @Override
    public Dtype before(WeightFile file, String path, int rows, int cols) {
      return Dtype.F32;
    }

    @Override
    public StoredWeight dry(String path, int rows, int cols) {
      return new Weight(Tensor.dry(Dtype.I8, rows, cols), Tensor.dry(Dtype.F32, rows));
    }
  }

  private record Weight(Tensor codes, Tensor scales) implements StoredWeight {
    @Override
    public int rows() {
      return codes.rows();
    }

    @Override
    public int cols() {
      return codes.cols();
    }

    @Override
    public List<Tensor> parts() {
      return List.of(codes, scales);
    }

    @Override
    public void make(int from, int to, Tensor out, Workspace ws, Kernels kernels) {
      for (int r = from; r < to && !ws.dry(); r++) {
        for (int c = 0; c < cols(); c++) {
          out.set(r - from, c, codes.get(r, c) * scales.at(r));
        }
      }
    }
  }

  /// Puts made-up codes and scales, or the numbers that they stand for, in place of each layer.
  private void put(Map<String, Part> parts, boolean quantised) {
    Random random = new Random(8);
    for (String path : config.projections()) {
      Entry dense = Objects.requireNonNull(parts.remove(path + ".weight")).entry();
      int rows = (int) dense.dims()[0];
      int cols = (int) dense.dims()[1];
      byte[] codes = new byte[rows * cols];
      random.nextBytes(codes);
      ByteBuffer scales = ByteBuffer.allocate(4 * rows).order(ByteOrder.LITTLE_ENDIAN);
      ByteBuffer numbers = ByteBuffer.allocate(4 * codes.length).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < codes.length; i++) {
        float scale = i % cols == 0 ? random.nextFloat() / 1000 : scales.getFloat(i / cols * 4);
        scales.putFloat(i / cols * 4, scale);
        numbers.putFloat((float) (codes[i] * (double) scale));
      }
      if (quantised) {
        Entry entry = new Entry(path + ".qweight", StoredType.I8, dense.shape());
        parts.put(entry.name(), new Part(entry, codes));
        String name = path + ".scales";
        parts.put(name, new Part(Entry.of(name, Dtype.F32, rows), scales.array()));
      } else {
        Entry entry = Entry.of(dense.name(), Dtype.F32, rows, cols);
        parts.put(entry.name(), new Part(entry, numbers.array()));
      }
    }
  }

  /// The loss and an adapter's gradients on the model.
  private List<Double> trained(ModelWeights weights) {
    Checkpoint.check(weights, config);
    List<Double> numbers = new ArrayList<>();
    try (Scope scope = Scope.open("model");
        CausalLm model =
            CausalLm.of(
                config,
                backend,
                HeldWeights.of(weights, config.tensors(), backend, Quantization.NONE, scope),
                weights)) {
      assertThat(model.slots().getFirst().linear() instanceof StoredLinear)
          .isEqualTo(weights.layers().any());
      model.reserve(32);
      Lora spec = Lora.of(4, 8, new Targets.AllLinear());
      Adapters adapter = Adapters.attach(model.modules(), spec, 1, Dtype.F32, 1, scope);
      Random random = new Random(1);
      for (Parameter p : adapter.parameters()) {
        for (long i = 0; i < p.elements(); i++) {
          p.master().put(i, 0.1 * random.nextGaussian());
        }
      }
      try (Workspace ws = new Workspace(0, model.measured().trainBytes(21, 11), Gemm.plain())) {
        Batch batch = TinyLlama.batch(random, config.vocabSize(), 7, 3, 11);
        numbers.add(model.train(batch, 1, Dropout.NONE, ws));
      }
      for (Parameter p : adapter.parameters()) {
        for (long i = 0; i < p.elements(); i++) {
          numbers.add(p.gradient(0).at(i));
        }
      }
    }
    return numbers;
  }

  private ModelWeights weights(Path folder) {
    return ModelWeights.of(WeightFile.open(folder), new Rows8(), config);
  }

  @Test
  void itComputesAndTrainsAsItsNumbersDo() throws IOException {
    Path stored = BnbFiles.changed(MODEL, temp.resolve("rows8"), parts -> put(parts, true));
    Path dense = BnbFiles.changed(MODEL, temp.resolve("dense"), parts -> put(parts, false));
    List<Double> numbers = trained(weights(stored));
    assertThat(numbers).hasSizeGreaterThan(1000).doesNotContain(Double.NaN);
    assertThat(numbers).isEqualTo(trained(ModelWeights.open(dense, config)));
  }

  @Test
  void aLayerThatLacksAPartIsRefusedAndOneWithoutAnyIsDense() throws IOException {
    Path folder =
        BnbFiles.changed(
            MODEL,
            temp.resolve("rows8"),
            parts -> {
              put(parts, true);
              parts.remove("model.layers.0.mlp.up_proj.scales");
              parts.remove("model.layers.0.mlp.down_proj.qweight");
              parts.remove("model.layers.0.mlp.down_proj.scales");
            });
    try (ModelWeights weights = weights(folder)) {
      assertThat(weights.layers().left()).containsExactly("model.layers.0.mlp.down_proj");
      assertThatThrownBy(() -> Checkpoint.check(weights, config))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("has no tensor \"model.layers.0.mlp.up_proj.scales\"");
    }
  }
}
