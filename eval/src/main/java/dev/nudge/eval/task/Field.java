package dev.nudge.eval.task;

import dev.nudge.settings.InputException;
import dev.nudge.text.jinja.Dialect;
import dev.nudge.text.jinja.PythonValues;
import dev.nudge.text.jinja.RenderLimits;
import dev.nudge.text.jinja.Template;
import dev.nudge.text.jinja.TemplateException;
import java.time.LocalDateTime;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A value of a task file that is a column name, or else a Jinja template over a document.
final class Field {
  private static final LocalDateTime NO_TIME = LocalDateTime.of(1970, 1, 1, 0, 0); // never read

  private final String text;
  private final String place;
  private @Nullable Template template;

  /// @param place for messages: the file and the key
  Field(String text, String place) {
    this.text = text;
    this.place = place;
  }

  String text() {
    return text;
  }

  /// Renders the template.
  ///
  /// @throws InputException if the template is invalid or fails on the document
  String render(JsonNode doc) {
    try {
      Template ready = template;
      if (ready == null) {
        ready = Template.parse(text, place, Dialect.TASK);
        template = ready;
      }
      return ready.render(PythonValues.names(doc), RenderLimits.USUAL, NO_TIME).chars();
    } catch (TemplateException e) {
      throw new InputException(String.valueOf(e.getMessage()), e);
    }
  }
}
