"""Reads training episodes from the TypeScript generator, the only place that knows the task's grammar."""
import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TICKETS = os.path.join(HERE, '../../../../libs/tickets')
NODE = os.environ.get('NODE', 'node')


def stream(plan, seed, count):
    """Yields `count` episodes, each a list of [text, role] segments."""
    command = [NODE, os.path.join(TICKETS, 'src/emit-episodes.ts'), '--plan', json.dumps(plan), '--seed', str(seed), '--count', str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout:
                yield json.loads(line)
        finally:
            process.stdout.close()
    if process.returncode not in (0, None):
        raise RuntimeError(f'the episode generator failed with exit code {process.returncode}')


def jargon():
    """Every made-up word, held-out ones included."""
    script = f"const g = await import({json.dumps(os.path.join(TICKETS, 'src/grammar.ts'))}); console.log(JSON.stringify(g.JARGON))"
    run = subprocess.run([NODE, '--input-type=module', '-e', script], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)
