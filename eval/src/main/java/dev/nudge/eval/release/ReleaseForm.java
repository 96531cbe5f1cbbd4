package dev.nudge.eval.release;

import dev.nudge.kernel.Kernels;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.QuantizeSettings;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// A form in which a merged model is served. A new one is a line in [#FORMS].
interface ReleaseForm {
  /// The forms by name.
  Map<String, ReleaseForm> FORMS = forms();

  private static Map<String, ReleaseForm> forms() {
    Map<String, ReleaseForm> forms = new LinkedHashMap<>();
    forms.put("dense", (work, _) -> work.dense());
    forms.put("nf4", ReleaseForm::nf4);
    return forms;
  }

  /// What a form is made of.
  ///
  /// @param dense folder of the merged model
  /// @param out folder to write; it is not there
  record Work(Path dense, Path out) {}

  /// Writes the form.
  ///
  /// @return what is given as `--model`: a folder whose files become the release, or a file in it;
  ///     null: it was cancelled
  @Nullable Path write(Work work, BooleanSupplier cancelled);

  /// The form of a name.
  ///
  /// @throws InputException if there is none
  static ReleaseForm of(String text) {
    ReleaseForm form = FORMS.get(text);
    if (form == null) {
      throw new InputException(
          "--to is '%s'; it must be one of %s".formatted(text, String.join(", ", FORMS.keySet())));
    }
    return form;
  }

  private static @Nullable Path nf4(Work work, BooleanSupplier cancelled) {
    QuantizeSettings settings = QuantizeSettings.of(work.dense(), work.out());
    QuantizedFolder.Written written =
        QuantizedFolder.prepare(settings).write(Kernels.fastest(), cancelled);
    return written == null ? null : written.out();
  }
}
