package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.Torch;
import dev.nudge.TorchLlama;
import dev.nudge.kernel.Attend;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.model.rope.Turning;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Recompute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Workspace;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Compares the gradient of every tensor of a whole model in double with libtorch's autograd in
/// float64: within 1e-10 of the larger of 1 and the tensor's largest number.
class TrainedModelAutogradTest {
  private static final double BOUND = 1e-10;

  private final long seed = Seeds.next();
  private final Random random = new Random(seed);

  @BeforeEach
  void torchIsThere() {
    Torch.assume();
  }

  @ParameterizedTest
  @CsvSource({
    "true, false, '', NONE",
    "true, true, '', GATE_UP",
    "false, true, '', ALL_BUT_ATTENTION",
    "false, false, '', EVERYTHING",
    // frozen: below, above, a bias without its weight and a weight without its bias, all but norms
    "false, true, 'model.embed.*|model.layers.0.*', NONE",
    "false, true, 'model.embed.*|model.layers.1.*(attn|norm).*|lm_head.*', NONE",
    "true, true, 'model.embed.*|.*weight', EVERYTHING",
    "true, true, '.*bias', NONE",
    "false, false, '.*(embed|proj|head).*', NONE",
    "false, false, 'model.layers.*|model.embed.*', NONE",
    "true, false, 'model.layers.*', NONE"
  })
  void gradientsEqualAutograd(boolean tied, boolean bias, String frozen, Recompute level) {
    ModelConfig config = TinyLlama.config(2, tied, bias);
    Predicate<String> trains = Pattern.compile(frozen).asMatchPredicate().negate();
    try (Scope scope = Scope.open("trained");
        PointerScope pointers = new PointerScope();
        CausalLm model =
            TinyLlama.of(
                config, Backend.plain(Dtype.F64), seed, 0.3, new Trainable(trains, 1, scope));
        Scope all = Scope.open("reference");
        CausalLm whole =
            TinyLlama.of(config, Backend.plain(Dtype.F64), seed, 0.3, Trainable.all(0, all))) {
      assertThat(model.parameters().stream().map(Parameter::name))
          .containsExactlyElementsOf(config.tensors().keySet().stream().filter(trains).toList());
      Map<String, Tensor> leaves = new LinkedHashMap<>();
      whole.parameters().forEach(p -> leaves.put(p.name(), Torch.leaf(p.master())));
      Batch batch = TinyLlama.batch(random, config.vocabSize(), 7, 3, 11);
      model.reserve(11);
      model.recompute(Collections.nCopies(2, level));
      try (Workspace ws = new Workspace(0, model.measured().trainBytes(21, 11), Gemm.plain())) {
        double loss = model.train(batch, 0.5, Dropout.NONE, ws);
        Tensor expected = loss(config, batch, leaves);
        assertThat(Math.abs(loss - expected.item_double())).isLessThan(BOUND * loss);
        expected.mul(Torch.scalar(0.5)).backward();
      }
      for (Parameter p : model.parameters()) {
        assertThat(Torch.difference(p.gradient(0), leaf(leaves, p.name()).grad()))
            .as(p.name())
            .isLessThan(BOUND);
        assertThat(p.decay()).as(p.name()).isEqualTo(!p.name().matches(".*(norm|bias).*"));
      }
    }
  }

  private static Tensor leaf(Map<String, Tensor> leaves, String name) {
    return Objects.requireNonNull(leaves.get(name), name);
  }

  private static Tensor loss(ModelConfig config, Batch batch, Map<String, Tensor> w) {
    try (Scope scope = Scope.open("batch")) {
      Tensor table = leaf(w, "model.embed_tokens.weight");
      Tensor x = table.index_select(0, ints(batch.ids(), scope));
      for (int i = 0; i < config.numHiddenLayers(); i++) {
        x = layer(config, batch, w, "model.layers." + i + ".", x, scope);
      }
      Tensor normed = TorchLlama.rmsNorm(x, leaf(w, "model.norm.weight"), config.rmsNormEps());
      Tensor head = config.tieWordEmbeddings() ? table : leaf(w, "lm_head.weight");
      Tensor logits = normed.index_select(0, ints(batch.rows(), scope)).matmul(head.t());
      Tensor targets = ints(batch.targets(), scope).unsqueeze(1);
      return torch.log_softmax(logits, 1).gather(1, targets).sum().neg();
    }
  }

  private static Tensor ints(int[] values, Scope scope) {
    dev.nudge.tensor.Tensor column = scope.tensor(Dtype.I32, values.length, 1);
    for (int i = 0; i < values.length; i++) {
      column.put(i, values[i]);
    }
    return Torch.of(column).reshape(values.length);
  }

  private static Tensor layer(
      ModelConfig c, Batch batch, Map<String, Tensor> w, String path, Tensor x, Scope scope) {
    Turning turning = Objects.requireNonNull(c.layers().getFirst().turning());
    double[] frequencies = turning.rope().inverseFrequencies(turning.width());
    dev.nudge.tensor.Tensor turns = scope.tensor(Dtype.F64, 1, frequencies.length);
    for (int i = 0; i < frequencies.length; i++) {
      turns.put(i, frequencies[i]);
    }
    Tensor turn = Torch.of(turns);
    var heads = new Attend.Shape(c.numAttentionHeads(), c.numKeyValueHeads(), c.headDim());
    Tensor n = TorchLlama.rmsNorm(x, leaf(w, path + "input_layernorm.weight"), c.rmsNormEps());
    Tensor q = linear(w, path + "self_attn.q_proj", n);
    Tensor k = linear(w, path + "self_attn.k_proj", n);
    Tensor v = linear(w, path + "self_attn.v_proj", n);
    TensorVector attended = new TensorVector();
    int start = 0;
    for (int length : batch.lengths()) {
      attended.push_back(
          TorchLlama.attention(
              heads,
              TorchLlama.rotated(q.narrow(0, start, length), c.headDim(), turn),
              TorchLlama.rotated(k.narrow(0, start, length), c.headDim(), turn),
              v.narrow(0, start, length)));
      start += length;
    }
    Tensor middle = x.add(linear(w, path + "self_attn.o_proj", torch.cat(attended, 0)));
    Tensor m =
        TorchLlama.rmsNorm(
            middle, leaf(w, path + "post_attention_layernorm.weight"), c.rmsNormEps());
    Tensor gated =
        torch.silu(linear(w, path + "mlp.gate_proj", m)).mul(linear(w, path + "mlp.up_proj", m));
    return middle.add(linear(w, path + "mlp.down_proj", gated));
  }

  private static Tensor linear(Map<String, Tensor> w, String path, Tensor x) {
    Tensor y = x.matmul(leaf(w, path + ".weight").t());
    Tensor bias = w.get(path + ".bias");
    return bias == null ? y : y.add(bias);
  }
}
