/// Renders templates of the Jinja subset that chat templates are written in, as transformers has
/// jinja2 render them.
///
/// [Template] is made of a text once ([Lexer], [StatementParser], [Expression], [Statement]) and
/// rendered many times. What a template sees is a [Value]: text, number, none, list, dict,
/// namespace, or something of ours that can be called. No attribute reaches Java, nothing can be
/// changed but a namespace, and a [Budget] bounds steps, depth and size. Each character of a
/// [Text] knows where it came from ([Origin]), through every operation on it, so that a rendered
/// conversation tells which message wrote what.
///
/// It knows nothing about conversations, tokens, models or files.
///
/// Read [Template] first, then [Text] and [Expression].
@NullMarked
package dev.nudge.text.jinja;

import org.jspecify.annotations.NullMarked;
