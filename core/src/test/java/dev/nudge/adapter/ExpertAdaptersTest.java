package dev.nudge.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.adapter.NamedAdapters.Attachment;
import dev.nudge.adapter.init.Initialization;
import dev.nudge.adapter.targets.ExpertPaths;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.ConfigJson;
import dev.nudge.format.SafeTensors;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Prefill;
import dev.nudge.model.Quantization;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.JoinedLinear;
import dev.nudge.nn.KvCache;
import dev.nudge.nn.KvPool;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.StoredLinear;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.AdapterInit;
import dev.nudge.settings.train.ExpertAdapters;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Adapters on experts and routers, of the goldens that PEFT 0.21.2 saved.
class ExpertAdaptersTest {
  private static final Path FAMILIES = Path.of("src/test/resources/golden/families");
  private static final int[] IDS = {3, 9, 27, 40, 5, 6, 7, 31, 2, 2, 18, 44};

  @TempDir private Path temp;

  private static CausalLm model(String family, Quantization quantization) {
    Path folder = FAMILIES.resolve(family).resolve("model");
    return Checkpoint.load(
        folder, ModelConfig.load(folder), Backends.of(Compute.FP32), quantization);
  }

  private static CausalLm model(String family) {
    return model(family, Quantization.NONE);
  }

  private static Adapters attach(CausalLm model, Path adapter, Scope scope) {
    try (PeftAdapter read = PeftAdapter.open(adapter)) {
      return Adapters.attach(model.modules(), read, 0, Dtype.F32, 0, scope);
    }
  }

  private static double[] logits(CausalLm model) {
    model.reserve(IDS.length);
    Batch batch = new Batch(IDS, new int[] {IDS.length}, new long[1], new int[0], new int[0]);
    List<Double> all = new ArrayList<>();
    try (Workspace ws = new Workspace(0, 1L << 24, model.backend().gemms().apply(1))) {
      Tensor logits = model.logits(batch, ws);
      for (int r = 0; r < logits.rows(); r++) {
        for (int c = 0; c < logits.cols(); c++) {
          all.add(logits.get(r, c));
        }
      }
    }
    return all.stream().mapToDouble(d -> d).toArray();
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen3-moe", "qwen2-moe", "mixtral", "olmoe", "granite-moe", "gpt-oss"})
  void anAdapterIsSavedAsPeftHadIt(String family) {
    Path theirs = FAMILIES.resolve(family).resolve("train/final");
    Path ours = temp.resolve("ours");
    try (Scope scope = Scope.open("adapter");
        CausalLm model = model(family)) {
      attach(model, theirs, scope).save(ours, "base");
    }
    try (SafeTensors want = SafeTensors.open(theirs.resolve(PeftFiles.WEIGHTS));
        SafeTensors got = SafeTensors.open(ours.resolve(PeftFiles.WEIGHTS))) {
      assertThat(got.names()).isEqualTo(want.names());
      for (String name : want.names()) {
        assertThat(got.entry(name)).isEqualTo(want.entry(name));
        assertThat(got.bytes(name).mismatch(want.bytes(name))).as(name).isEqualTo(-1);
      }
    }
    ConfigJson want = ConfigJson.read(theirs.resolve(PeftConfig.FILE));
    ConfigJson got = ConfigJson.read(ours.resolve(PeftConfig.FILE));
    for (String key : List.of("target_modules", "target_parameters", "rank_pattern", "r")) {
      assertThat(got.node(key)).as(key).isEqualTo(want.node(key));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "qwen3-moe, false",
    "qwen2-moe, false",
    "mixtral, false",
    "olmoe, false",
    "granite-moe, false",
    "qwen3-moe, true",
    "mixtral, true"
  })
  void expertsOneByOneAreTheSameFunction(String family, boolean rsLora) throws Exception {
    Path theirs = Files.createDirectories(temp.resolve("theirs"));
    Path made = FAMILIES.resolve(family).resolve("train/final");
    for (String name : List.of(PeftFiles.WEIGHTS, PeftConfig.FILE)) {
      Files.copy(made.resolve(name), theirs.resolve(name));
    }
    Path config = theirs.resolve(PeftConfig.FILE);
    String plain = Files.readString(config);
    assertThat(plain).contains("\"use_rslora\": false");
    Files.writeString(config, plain.replace("\"use_rslora\": false", "\"use_rslora\": " + rsLora));
    Path ours = temp.resolve("ours");
    Files.createDirectories(ours);
    double[] stacked;
    try (Scope scope = Scope.open("adapter");
        CausalLm model = model(family)) {
      Adapters adapters = attach(model, theirs, scope);
      stacked = logits(model);
      adapters.write(ours, "base", ExpertAdapters.PER_EXPERT);
    }
    String gate =
        family.equals("mixtral") ? ".block_sparse_moe.experts.1.w1" : ".experts.1.gate_proj";
    try (SafeTensors file = SafeTensors.open(ours.resolve(PeftFiles.WEIGHTS))) {
      assertThat(file.names()).anyMatch(name -> name.endsWith(gate + ".lora_A.weight"));
      assertThat(file.names()).noneMatch(name -> name.contains(".base_layer."));
    }
    Path again = temp.resolve("again");
    try (Scope scope = Scope.open("adapter");
        CausalLm model = model(family)) {
      Adapters adapters = attach(model, ours, scope);
      assertThat(logits(model)).containsExactly(stacked, within(2e-5));
      adapters.save(again, "base");
    }
    try (Scope scope = Scope.open("adapter");
        CausalLm model = model(family)) {
      attach(model, again, scope);
      assertThat(logits(model)).containsExactly(stacked, within(2e-5));
    }
  }

  @Test
  void expertsWhoseGateAndUpAreOneMatrixAreNotSavedOneByOne() {
    try (Scope scope = Scope.open("adapter");
        CausalLm model = model("gpt-oss")) {
      Adapters adapters = attach(model, FAMILIES.resolve("gpt-oss/train/final"), scope);
      assertThatThrownBy(() -> adapters.write(temp, "base", ExpertAdapters.PER_EXPERT))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("--expert-adapters per-expert does not go with");
      assertThat(temp).isEmptyDirectory();
    }
  }

  @Test
  void aNewAdapterOnAllLinearLayersHasTheExpertsTwiceAndNoRouter() {
    try (Scope scope = Scope.open("adapter");
        CausalLm model = model("qwen3-moe")) {
      ModelShape shape = ModelShape.of(model.modules());
      Lora spec = Lora.of(2, 4, Targets.parse("all-linear")).inFileOrder(shape);
      Adapters adapters = Adapters.attach(model.modules(), spec, 1, Dtype.F32, 1, scope);
      assertThat(adapters.paths())
          .contains("model.layers.0.mlp.experts.10.gate_up_proj", "model.layers.1.mlp.up_proj")
          .doesNotContain("model.layers.0.mlp.gate");
      assertThat(adapters.spec().rank("model.layers.0.mlp.experts.3.gate_up_proj")).isEqualTo(4);
      Lora wide = Lora.of(2, 4, Targets.parse("all-linear"));
      Lora narrow =
          wide.withPatterns(Map.of("q_proj", 8, "layers.0.mlp.experts.down_proj", 3), Map.of())
              .inFileOrder(shape);
      assertThat(narrow.rank("model.layers.0.mlp.experts.3.down_proj")).isEqualTo(3);
      assertThatThrownBy(
              () ->
                  wide.withPatterns(Map.of("experts\\.\\d+\\.down_proj", 3), Map.of())
                      .inFileOrder(shape))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("matches none of the layers");
      Map<String, Integer> crossed = new LinkedHashMap<>(); // which another order changes
      crossed.put("down_proj", 8);
      crossed.put(".*\\.layers\\.0\\..*", 3);
      Lora ordered = wide.withPatterns(crossed, Map.of()).inFileOrder(shape);
      assertThat(ordered.rank("model.layers.0.mlp.experts.3.down_proj")).isEqualTo(8);
      assertThat(ordered.rank("model.layers.0.self_attn.q_proj")).isEqualTo(3);
      assertThat(adapters.spec().targets().toString())
          .isEqualTo(
              "k_proj,o_proj,q_proj,v_proj,down_proj,gate_up_proj,mlp.down_proj.weight,"
                  + "mlp.gate_proj.weight,mlp.up_proj.weight");
      assertThat(adapters.count(1).on())
          .isEqualTo(
              "attention (k_proj, o_proj, q_proj, v_proj), experts (down_proj, gate_up_proj), dense"
                  + " layers (down_proj, gate_proj, up_proj); not on routers");
    }
  }

  @Test
  void whatPeftHasNotOnExpertsIsRefused() {
    try (Scope scope = Scope.open("adapter");
        CausalLm model = model("qwen3-moe")) {
      ModelShape shape = ModelShape.of(model.modules());
      assertThatThrownBy(() -> shape.adapted(Lora.of(2, 4, Targets.parse("q_proj,gate_proj"))))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("gate_proj of experts and not up_proj");
      Targets some = Targets.parse("/.*experts\\.1\\..*/");
      assertThatThrownBy(() -> shape.adapted(Lora.of(2, 4, some)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("some experts of a layer");
      Lora dropping = Lora.of(2, 4, Targets.parse("down_proj")).withDropout(0.1);
      assertThatThrownBy(() -> Adapters.attach(model.modules(), dropping, 1, Dtype.F32, 1, scope))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("PEFT loads no such adapter");
    }
  }

  /// Rows of two adapters and of the base in one pass have the bits that they have alone.
  @Test
  void adaptersOnExpertsShareAPass() {
    try (CausalLm model = model("qwen3-moe");
        NamedAdapters all = new NamedAdapters(model.modules(), Dtype.F32);
        PeftAdapter first = PeftAdapter.open(FAMILIES.resolve("qwen3-moe/train/init"));
        PeftAdapter last = PeftAdapter.open(FAMILIES.resolve("qwen3-moe/train/final"));
        Team team = new Team(1);
        KvPool pool = model.pool(12, 16)) {
      List<Attachment> ways =
          List.of(
              all.attach("first", all.make(first)),
              all.attach("last", all.make(last)),
              Attachment.BASE);
      model.reserve(IDS.length + 1);
      long bytes = 1L << 24;
      try (Workspace ws = new Workspace(0, bytes, model.backend().gemms().apply(1))) {
        List<double[]> alone = new ArrayList<>();
        for (Attachment way : ways) {
          alone.addAll(answers(model, all, List.of(way), pool, ws, team));
        }
        List<double[]> together = answers(model, all, ways, pool, ws, team);
        for (int i = 0; i < alone.size(); i++) {
          assertThat(together.get(i)).isEqualTo(alone.get(i));
        }
        assertThat(together.get(0)).isNotEqualTo(together.get(1));
        assertThat(together.get(1)).isNotEqualTo(together.get(2));
      }
    }
  }

  /// The logits after the prompt and after one more token, of each sequence.
  private static List<double[]> answers(
      CausalLm model,
      NamedAdapters all,
      List<Attachment> ways,
      KvPool pool,
      Workspace ws,
      Team team) {
    int n = ways.size();
    int[] lengths = new int[n];
    int[] ended = new int[n];
    int[] ones = new int[n];
    int[] through = ways.stream().mapToInt(Attachment::number).toArray();
    int[] ids = new int[n * IDS.length];
    int[] next = new int[n];
    List<KvCache> caches = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      lengths[i] = IDS.length;
      ended[i] = i;
      ones[i] = 1;
      next[i] = 11;
      System.arraycopy(IDS, 0, ids, i * IDS.length, IDS.length);
      caches.add(pool.cache());
    }
    List<double[]> rows = new ArrayList<>();
    all.within(
        null,
        true,
        () -> {
          Tensor logits =
              model.inference().prefill(Prefill.of(ids, lengths, caches, through, ended), ws, team);
          List<double[]> read = rows(logits);
          List<double[]> decoded =
              rows(model.inference().decode(next, ones, caches, through, ws, team));
          for (int i = 0; i < n; i++) {
            double[] both = new double[2 * read.get(i).length];
            System.arraycopy(read.get(i), 0, both, 0, both.length / 2);
            System.arraycopy(decoded.get(i), 0, both, both.length / 2, both.length / 2);
            rows.add(both);
          }
        });
    caches.forEach(KvCache::close);
    return rows;
  }

  private static List<double[]> rows(Tensor logits) {
    List<double[]> rows = new ArrayList<>();
    for (int r = 0; r < logits.rows(); r++) {
      double[] row = new double[logits.cols()];
      for (int c = 0; c < row.length; c++) {
        row[c] = logits.get(r, c);
      }
      rows.add(row);
    }
    return rows;
  }

  /// Each expert's matrices are quantised each by itself, routers are not, and a quantised folder
  /// is the same model.
  @ParameterizedTest
  @ValueSource(strings = {"qwen3-moe", "mixtral", "granite-moe", "gpt-oss"})
  void expertsAreQuantisedAndRoutersAreNot(String family) {
    Path folder = FAMILIES.resolve(family).resolve("model");
    Path out = temp.resolve("nf4");
    QuantizedFolder.prepare(QuantizeSettings.of(Map.of("model", folder, "out", out)), null)
        .write(Kernels.fastest(), () -> false);
    double[] here;
    try (CausalLm model = model(family, Quantization.of(new Nf4Format(true)))) {
      for (LinearSlot slot : model.slots()) {
        boolean router = slot.path().endsWith("mlp.gate") || slot.path().endsWith(".router");
        boolean stored =
            slot.linear() instanceof JoinedLinear joined
                ? joined.parts().stream().allMatch(StoredLinear.class::isInstance)
                : slot.linear() instanceof StoredLinear;
        assertThat(stored).as(slot.path()).isEqualTo(!router);
      }
      here = logits(model);
    }
    try (CausalLm model = Checkpoint.load(out, ModelConfig.load(out), Backends.of(Compute.FP32))) {
      assertThat(logits(model)).isEqualTo(here);
    }
    try (CausalLm dense = model(family)) {
      assertThat(logits(dense)).isNotEqualTo(here);
    }
  }

  /// With all directions LoftQ makes up for what quantising loses, of gate, up and down.
  @Test
  void loftqFitsGateAndUpOfAnExpert() {
    Path folder = FAMILIES.resolve("qwen3-moe/model");
    ModelConfig config = ModelConfig.load(folder);
    Lora spec = Lora.of(12, 12, Targets.parse("gate_proj,up_proj,down_proj"));
    try (Scope scope = Scope.open("adapter");
        CausalLm dense = model("qwen3-moe");
        CausalLm model = model("qwen3-moe", Quantization.of(new Nf4Format(true)));
        Workspace ws = new Workspace(0, 1L << 22, model.backend().gemms().apply(1))) {
      Lora doubled = spec.inFileOrder(ModelShape.of(model.modules()));
      Adapters adapters = Adapters.attach(model.modules(), doubled, 1, Dtype.F32, 1, scope);
      Initialization.of(new AdapterInit(AdapterInit.Kind.LOFTQ, 0))
          .begin(
              adapters,
              new Initialization.Base(
                  () -> Checkpoint.weights(folder, config), model.backend(), 2, 0));
      int experts = 0;
      for (LinearSlot slot : model.slots()) {
        LinearSlot other =
            dense.slots().stream()
                .filter(each -> each.path().equals(slot.path()))
                .findFirst()
                .orElseThrow();
        if (slot.linear() instanceof LowRankLinear adapted && ExpertPaths.isExpert(slot.path())) {
          experts++;
          ws.reset();
          Tensor want = other.linear().weight(ws, model.backend().kernels());
          Tensor held = adapted.under().weight(ws, model.backend().kernels());
          Tensor a = adapted.lora().a().master();
          Tensor b = adapted.lora().b().master();
          double lost = 0;
          double left = 0;
          for (int o = 0; o < want.rows(); o++) {
            for (int i = 0; i < want.cols(); i++) {
              double update = 0;
              for (int r = 0; r < a.rows(); r++) {
                update += adapted.lora().scaling() * b.get(o, r) * a.get(r, i);
              }
              lost += Math.pow(want.get(o, i) - held.get(o, i), 2);
              left += Math.pow(want.get(o, i) - held.get(o, i) - update, 2);
            }
          }
          assertThat(lost).as(slot.path()).isPositive();
          assertThat(left).as(slot.path()).isLessThan(1e-8 * lost);
        }
      }
      assertThat(experts).isEqualTo(2 * 2 * 11);
    }
  }

  /// The sum of both, each module by itself; of a lower rank the stacks have that.
  @ParameterizedTest
  @ValueSource(strings = {"qwen3-moe", "mixtral", "granite-moe", "gpt-oss"})
  void adaptersOnExpertsAreCombined(String family) {
    Path first = FAMILIES.resolve(family).resolve("train/init");
    Path last = FAMILIES.resolve(family).resolve("train/final");
    Path out = temp.resolve("sum");
    List<Combination.Part> parts =
        List.of(new Combination.Part(first, -0.5), new Combination.Part(last, 1.5));
    Combination.Combined exact = Combination.write(parts, null, out);
    assertThat(exact.lost()).isZero();
    try (Updates a = Updates.open(first);
        Updates b = Updates.open(last);
        Updates sum = Updates.open(out)) {
      assertThat(sum.paths()).containsExactlyInAnyOrderElementsOf(b.paths());
      assertThat(sum.paths()).anyMatch(path -> path.contains(".experts.4."));
      for (String path : b.paths()) {
        Update x = a.at(path);
        Update y = b.at(path);
        Update z = sum.at(path);
        double want = 0.25 * x.inner(x) - 1.5 * x.inner(y) + 2.25 * y.inner(y);
        assertThat(z.inner(z)).as(path).isCloseTo(want, within(1e-5 * want));
        double along = -0.5 * x.inner(y) + 1.5 * y.inner(y);
        assertThat(z.inner(y)).as(path).isCloseTo(along, within(1e-5 * Math.abs(along)));
      }
    }
    double[] logits;
    try (Scope scope = Scope.open("adapter");
        CausalLm model = model(family)) {
      attach(model, out, scope);
      logits = logits(model);
    }
    Path lower = temp.resolve("lower");
    Combination.Combined cut = Combination.write(parts, 2, lower);
    assertThat(cut.rank()).isEqualTo(2);
    assertThat(cut.lost()).isPositive();
    try (Scope scope = Scope.open("adapter");
        CausalLm model = model(family)) {
      attach(model, lower, scope);
      assertThat(logits(model)).isNotEqualTo(logits);
    }
  }

  /// An adapter on attention and one on experts, and experts of both forms.
  @Test
  void formsAndTargetsMixInASum() throws Exception {
    Path last = FAMILIES.resolve("qwen3-moe/train/final");
    Path single = Files.createDirectories(temp.resolve("single"));
    Path attention = temp.resolve("attention");
    try (Scope scope = Scope.open("adapter");
        CausalLm model = model("qwen3-moe")) {
      attach(model, last, scope).write(single, "base", ExpertAdapters.PER_EXPERT);
    }
    try (Scope scope = Scope.open("adapter");
        CausalLm model = model("qwen3-moe")) {
      Lora spec = Lora.of(2, 4, Targets.parse("q_proj"));
      Adapters.attach(model.modules(), spec, 1, Dtype.F32, 1, scope).save(attention, "base");
    }
    Path out = temp.resolve("out");
    Combination.write(
        List.of(
            new Combination.Part(single, 0.5),
            new Combination.Part(last, 0.5),
            new Combination.Part(attention, 1)), // whose B is zero
        null,
        out);
    double[] want;
    try (Scope scope = Scope.open("adapter");
        CausalLm model = model("qwen3-moe")) {
      attach(model, last, scope);
      want = logits(model);
    }
    try (Scope scope = Scope.open("adapter");
        CausalLm model = model("qwen3-moe")) {
      attach(model, out, scope);
      assertThat(logits(model)).containsExactly(want, within(3e-5));
    }
  }
}
