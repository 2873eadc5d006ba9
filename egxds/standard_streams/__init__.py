"""Standard input, output and error of this process, whatever was handed over as them. Standard library only.

It is there before anything else is imported.

What is closed is opened on nothing, lest the next socket takes its number and gets what was meant for a log. A daemon
never waits for who reads its log, and a command ends when nobody takes what it prints.
"""
