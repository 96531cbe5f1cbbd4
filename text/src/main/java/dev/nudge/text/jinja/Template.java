package dev.nudge.text.jinja;

import dev.nudge.python.ValueError;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;

/// A Jinja template, parsed once and rendered many times.
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

  /// Parses a chat template.
  ///
  /// @param place name of the template in messages
  /// @throws TemplateException if a construct, filter or test is not supported, with its line
  public static Template parse(String source, String place) {
    return parse(source, place, Dialect.CHAT);
  }

  /// Parses a template of a dialect.
  ///
  /// @param place name of the template in messages
  /// @throws TemplateException if a construct, filter or test is not supported, with its line
  public static Template parse(String source, String place, Dialect dialect) {
    try {
      return new Template(place, StatementParser.parse(source, dialect), dialect);
    } catch (Lexer.Failure e) {
      throw failure(place, e.line, String.valueOf(e.getMessage()));
    } catch (StackOverflowError e) {
      throw failure(place, 1, "it is nested too deeply");
    }
  }

  /// Renders the template.
  ///
  /// @param variables the template's variables, which are not changed
  /// @param now the time that `strftime_now` formats
  /// @throws TemplateException if a value has the wrong type, the template calls `raise_exception`,
  ///     or a limit is reached, with the line
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
