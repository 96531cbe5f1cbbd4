package dev.nudge.text.jinja;

import dev.nudge.python.ValueError;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;

/// Is a template, read once and rendered many times.
///
/// Threading: any number of threads.
public final class Template {
  private static final int MOST_MESSAGE = 300;

  private final String place;
  private final List<Statement> body;
  private final Dialect dialect;

  private Template(String place, List<Statement> body, Dialect dialect) {
    this.place = place;
    this.body = body;
    this.dialect = dialect;
  }

  /// Reads a chat template.
  ///
  /// @param place where it stands, for messages
  /// @throws TemplateException where a construct, a filter or a test is not known, with its line
  public static Template parse(String source, String place) {
    return parse(source, place, Dialect.CHAT);
  }

  /// Reads a template.
  ///
  /// @param place where it stands, for messages
  /// @throws TemplateException where a construct, a filter or a test is not known, with its line
  public static Template parse(String source, String place, Dialect dialect) {
    try {
      return new Template(place, StatementParser.parse(source, dialect), dialect);
    } catch (Lexer.Failure e) {
      throw failure(place, e.line, String.valueOf(e.getMessage()));
    } catch (StackOverflowError e) {
      throw failure(place, 1, "it is nested too deeply");
    }
  }

  /// Renders it.
  ///
  /// @param variables what its names stand for; they are not changed
  /// @param now the time that `strftime_now` writes
  /// @throws TemplateException where a value does not fit, the template refuses by
  ///     `raise_exception`, or a limit is reached, with the line
  public Text render(Map<String, Value> variables, RenderLimits limits, LocalDateTime now) {
    Budget budget = new Budget(limits, now, dialect);
    try {
      return Statement.written(body, Frame.of(variables, budget));
    } catch (ValueError e) {
      throw failure(place, budget.line(), String.valueOf(e.getMessage()));
    } catch (StackOverflowError e) {
      throw failure(place, budget.line(), "values or macros are nested too deeply");
    }
  }

  private static TemplateException failure(String place, int line, String what) {
    return new TemplateException(place, line, oneLine(what));
  }

  private static String oneLine(String what) {
    String line =
        what.strip().replaceAll("\\s*\\R\\s*", " ").replaceAll("[\\p{Cc}\\p{Cf}\\p{Cs}]", "\uFFFD");
    int most = Math.min(line.length(), MOST_MESSAGE);
    return most < line.length() ? line.substring(0, most) + "…" : line;
  }
}
