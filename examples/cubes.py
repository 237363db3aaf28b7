import sys
import djfs as dj

@dj.task
def cube(n: int):
    print(f"cubing {n}")
    return n ** 3

if __name__ == "__main__":
    print(sum(cube(dj.Vary(range(int(sys.argv[1])))).get()))
