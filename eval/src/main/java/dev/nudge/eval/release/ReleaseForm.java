package dev.nudge.eval.release;

import dev.nudge.calibrate.CalibratedFolder;
import dev.nudge.data.ChatRows;
import dev.nudge.data.Dataset;
import dev.nudge.data.TokenCache;
import dev.nudge.export.Exported;
import dev.nudge.export.GgufExport;
import dev.nudge.generate.Session;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Machine;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.ExportSettings;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A form in which a merged model is served. To add one, add a line to [#FORMS].
interface ReleaseForm {
  /// The forms by name.
  Map<String, ReleaseForm> FORMS = forms();

  private static Map<String, ReleaseForm> forms() {
    Map<String, ReleaseForm> forms = new LinkedHashMap<>();
    forms.put("dense", (work, _) -> work.dense());
    for (QuantizeSettings.Format method : QuantizeSettings.Format.values()) {
      forms.put(method.name().toLowerCase(Locale.ROOT), new Quantized(method));
    }
    for (ExportSettings.Type type : ExportSettings.Type.values()) {
      forms.put("gguf:" + type, new Gguf(type));
    }
    return forms;
  }

  /// The inputs of a form.
  ///
  /// @param data how rows are read, calibration rows included
  /// @param dense folder of the merged model
  /// @param out folder to write, which must not exist
  record Work(
      ReleaseSettings settings,
      DataSettings data,
      Machine machine,
      Consumer<String> warnings,
      Path dense,
      Path out) {}

  /// Writes the form.
  ///
  /// @return the path for `--model`: a folder whose files become the release, or a file in it; null
  ///     if cancelled
  @Nullable Path write(Work work, BooleanSupplier cancelled);

  /// Whether it needs calibration rows.
  default boolean calibrated() {
    return false;
  }

  /// Checks that a base can be written in this form, before any work.
  ///
  /// @param data how rows are read
  /// @throws InputException if it cannot, or a calibration row is missing or malformed
  default void check(ReleaseSettings settings, DataSettings data, Machine machine) {}

  /// Returns the form with a name.
  ///
  /// @throws InputException if there is no such form
  static ReleaseForm of(String text) {
    ReleaseForm form = FORMS.get(text);
    if (form == null) {
      throw new InputException(
          "--to is '%s'; it must be one of %s".formatted(text, String.join(", ", FORMS.keySet())));
    }
    return form;
  }

  /// Returns the requested form, checked.
  ///
  /// @throws InputException as [#check] does; or if calibration rows are missing, or not needed
  static ReleaseForm checked(ReleaseSettings settings, DataSettings data, Machine machine) {
    ReleaseForm form = of(settings.to());
    boolean rows = !settings.calibration().isEmpty();
    if (form.calibrated() && !rows) {
      throw new InputException(
          "--calibration is missing; --to "
              + settings.to()
              + " needs rows like those that the model will see");
    }
    if (!form.calibrated() && (rows || settings.groupSize() != null)) {
      throw new InputException(
          "%s: --to %s has no use for it; leave it out, or give --to gptq or awq"
              .formatted(rows ? "--calibration" : "--group-size", settings.to()));
    }
    form.check(settings, data, machine);
    return form;
  }

  /// A quantised model folder.
  record Quantized(QuantizeSettings.Format method) implements ReleaseForm {
    @Override
    public boolean calibrated() {
      return method != QuantizeSettings.Format.NF4;
    }

    @Override
    public void check(ReleaseSettings settings, DataSettings data, Machine machine) {
      if (calibrated()) {
        Path model = settings.model().model();
        ModelConfig config = ModelConfig.load(model);
        Path adapter = settings.adapter();
        Tokenizer tokenizer = Session.tokenizer(model, adapter, machine);
        ChatRows chat =
            ChatRows.of(model, adapter, data.shape().template(), data.trainOn(), tokenizer);
        Dataset.whole(
            data.withFiles(settings.calibration()),
            true,
            config.maxPositionEmbeddings(),
            tokenizer,
            chat.on(Instant.now()),
            TokenCache.none());
        CalibratedFolder.checkFit(quantizing(settings, model, settings.out()), config);
      }
    }

    @Override
    public @Nullable Path write(Work work, BooleanSupplier cancelled) {
      QuantizeSettings settings = quantizing(work.settings(), work.dense(), work.out());
      QuantizedFolder.Written written =
          calibrated()
              ? CalibratedFolder.prepare(
                      settings,
                      work.data().withFiles(work.settings().calibration()),
                      work.machine(),
                      work.warnings())
                  .write((_, _, _) -> {}, cancelled)
              : QuantizedFolder.prepare(settings).write(Kernels.fastest(), cancelled);
      return written == null ? null : written.out();
    }

    private QuantizeSettings quantizing(ReleaseSettings settings, Path model, Path out) {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("model", model);
      values.put("method", method);
      values.put("out", out);
      values.put("calibration", settings.calibration());
      if (settings.groupSize() != null) {
        values.put("group_size", settings.groupSize());
      }
      Boolean nested = settings.model().doubleQuant();
      if (!calibrated() && nested != null) {
        values.put("double_quant", nested);
      }
      return QuantizeSettings.of(values);
    }
  }

  /// A GGUF file, in a folder with a `Modelfile`.
  record Gguf(ExportSettings.Type type) implements ReleaseForm {
    private static final String FILE = "model.gguf";

    @Override
    public void check(ReleaseSettings settings, DataSettings data, Machine machine) {
      GgufExport.checkFamily(settings.model().model());
    }

    @Override
    public @Nullable Path write(Work work, BooleanSupplier cancelled) {
      ExportSettings settings =
          ExportSettings.of(work.dense(), work.out().resolve(FILE)).withType(type);
      Integer threads = work.settings().model().threads();
      if (threads != null) {
        settings = settings.withThreads(threads);
      }
      Path base = work.settings().model().model();
      String licence = GgufExport.licence(base);
      if (licence != null) {
        settings = settings.withLicence(licence);
      }
      Consumer<String> ofBase = // the merged folder is temporary
          line ->
              work.warnings()
                  .accept(
                      line.replace(work.dense().toString(), base.toString())
                          .replace("; give --licence", ""));
      Exported done = GgufExport.run(settings, work.machine(), ofBase, cancelled);
      return done == null ? null : done.out();
    }
  }
}
