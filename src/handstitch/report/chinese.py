"""The page's words in Chinese."""

from __future__ import annotations

from typing import Final

from handstitch.report.words import Section, Words

_MEANINGS: Final = {
    "dataset": "数据集；auto：能取得 Fashion-MNIST 时即用之",
    "validation": "从训练图像中留出、用于挑选权重的比例",
    "stratified": "每个类别按相同比例留出",
    "scaling": "像素除以 256 或 255，或化为均值 0、标准差 1",
    "hidden_sizes": "各隐藏层的宽度；只给一个宽度 N 时表示 N 与 N/2",
    "activation": "激活函数：所有隐藏层共用一个，或每层各一个",
    "initialization": "初始权重的散布方式",
    "dropout": "训练时使隐藏单元静默的概率",
    "input_dropout": "训练时使像素静默的概率",
    "optimizer": "优化器：梯度如何变为一步更新",
    "learning_rate": "学习率，即步长",
    "momentum": "用于 momentum 与 nesterov：速度保留的比例",
    "beta1": "用于 adam 与 adamw：梯度均值保留的比例",
    "beta2": "用于 rmsprop、adam 与 adamw：梯度平方均值保留的比例",
    "epsilon": "用于 rmsprop、adam 与 adamw：加在分母上的数",
    "weight_decay": "L2 惩罚 (λ/2)·‖θ‖² 的强度 λ",
    "decay_biases": "权重衰减是否也作用于偏置",
    "decoupled": "在更新之外单独收缩权重，而不经过梯度（adamw 总是如此）",
    "reduction": "一批内的梯度取平均还是求和",
    "clip_norm": "允许的最大梯度长度；0：不限",
    "schedule": "学习率的变化方式",
    "warmup": "学习率从接近零升起所用的轮数",
    "decay_every": "用于 step 与 exponential：两次下降之间的轮数",
    "decay_factor": "用于 step、exponential 与 plateau：下降后学习率剩余的比例",
    "final_rate": "用于 cosine 与 one-cycle：最后的学习率占学习率的比例",
    "plateau_patience": "用于 plateau：损失多少轮没有改善后下降",
    "epochs": "训练轮数，即遍历训练图像的次数",
    "batch_size": "每一步的图像数",
    "best_by": "决定保留哪组权重的验证指标",
    "patience": "多少轮没有新的最佳后提前停止；0：从不",
    "seed": "随机种子，所有随机选择都由它决定",
    "threads": "线程数；auto：每个核心一个，在运行首次开始时选定",
    "step": "一步的计算方式；auto：有 numba 时用编译版，与线程数同时选定",
}

CHINESE: Final = Words(
    html_lang="zh-Hans",
    language="中文",
    title="运行 {run}：{dataset} 的神经网络",
    kicker="用 Handstitch 训练的神经网络",
    contents="本页内容",
    skip="跳到结果",
    footer="由 Handstitch {version} 根据运行目录中的文件生成。"
    "本页是单个文件：不需要网络，也不运行任何程序。",
    yes="是",
    no="否",
    none="无",
    parts={"test": "测试", "validation": "验证"},
    drawn=Section(
        "绘制的数据，不是照片",
        "这些图像来自 sketch：由 Handstitch 自行绘制的服装。"
        "本页的任何数字都不能说明 Fashion-MNIST 上的表现。",
    ),
    drawn_reason="使用它们的原因：",
    validation_only=Section(
        "这是验证结果，不是测试结果",
        "这组权重尚未在测试集上测量。下面的数字都来自训练时留出的图像，"
        "而权重正是按这些图像挑选的，因此数字略为偏高。",
    ),
    validation_record="这些数字取自训练记录。",
    to_test="进行测试并重新生成本页：",
    unfinished=Section(
        "本次运行尚未完成", "已完成 {done:,} 轮，共 {epochs:,} 轮。本页显示目前已有的内容。"
    ),
    incomplete=Section("本页缺少的内容", ""),
    missing={
        "history": "各轮的记录缺失或已损坏：没有曲线。",
        "weights": "没有最佳权重，或其文件已损坏：没有权重图，也没有各类别的数字。",
        "summary": "运行的摘要已损坏：只有它记载的内容从略。",
        "looks": "查看测试集的记录已损坏：无法显示测试结果。",
        "data": "图像已不在手边：需要据此绘制或统计的内容从略，其余取自记录。",
        "other data": "手边的图像不是本次运行所用的：需要据此绘制或统计的内容从略。",
        "initial": "无法重新生成初始权重：没有训练前后的对比。",
    },
    result=Section("结果", "准确率是网络首选答案正确的图像所占的比例，这些图像都没有用于训练。"),
    trained=Section(
        "用什么训练了什么",
        "网络由若干层单元组成；训练不断改变单元之间连接的强度，即权重，直到能够区分训练集中的图像。",
    ),
    curves=Section(
        "训练过程",
        "每一轮遍历一次训练图像，之后准确率应当上升，损失（不确定或错误答案的代价）应当下降；"
        "如果训练指标继续改善而验证指标转差，网络就开始死记硬背了，这称为过拟合。",
    ),
    confusion=Section(
        "把什么认成了什么",
        "混淆矩阵的每一行是一个真实类别的图像，每一列是网络给出的类别；正确答案位于对角线上。",
    ),
    classes=Section(
        "各个类别",
        "有些类别比其他类别更难：精确率是网络说出某类别时正确的比例，"
        "召回率是该类别图像中被找到的比例，F1 值是两者的调和平均。",
    ),
    calibration=Section(
        "它知道自己何时没有把握吗",
        "每个答案都带有一个概率，即置信度；"
        "在校准良好的网络中，置信度为 80 % 的答案有 80 % 是正确的。",
    ),
    mistakes=Section("它的错误", "网络最有把握却答错的图像，以及最容易混淆的类别的例子。"),
    weights=Section(
        "网络内部：权重", "网络学到的一切都在这些数字里：红色为正，蓝色为负，白色接近零。"
    ),
    settings=Section("设置", "本次运行的全部选择；先列出与默认配方不同的设置。"),
    machine=Section("机器与版本", "在同类机器和这些版本上，相同的设置与数据会得到逐位相同的网络。"),
    again=Section("重复一遍", "在进行运行的目录中输入这些命令即可重复。"),
    headline="的{part}图像被正确识别（共 {n:,} 张）",
    interval="95 % 置信区间：{low} 至 {high}。在无穷多的同类图像上，准确率很可能落在其中。",
    no_result="还没有结果。",
    accuracy="准确率",
    loss="损失（平均交叉熵，奈特）",
    guessing="随机猜测的准确率",
    looks="本次运行已查看测试集 {n:,} 次。",
    looks_once="本次运行只查看过一次测试集。",
    looks_never="本次运行还没有查看过测试集。",
    looks_caution="多次测试并保留最好的一次，就等于按测试集作了挑选，其数字会偏高。",
    looks_columns=("次序", "时间（协调世界时）", "权重", "准确率", "是否本页的权重"),
    looks_left_out="只列出第一次和最近几次。",
    best_weights="最佳轮次",
    last_weights="最后一轮",
    fact="项目",
    value="内容",
    data="图像",
    data_value="{dataset}：{train:,} 张用于训练，留出 {val:,} 张用于验证",
    chosen="保留的权重",
    chosen_value="第 {epoch:,} 轮之后的权重，按验证集上的{by}为最佳",
    network="网络",
    network_value="各层单元数 {sizes}，从像素到类别",
    activations="隐藏单元的激活函数",
    parameters="学习的参数个数",
    method="训练方法",
    method_value="{optimizer}，学习率 {rate:g}，每步 {batch:,} 张图像，学习率变化方式 {schedule}",
    epochs="轮数",
    epochs_value="{done:,}，上限 {epochs:,}",
    seconds="训练用时",
    seconds_value="{seconds:,.1f} 秒",
    digest="训练数据的 SHA-256",
    weights_digest="权重的 SHA-256",
    curves_alt="{epochs:,} 轮的曲线。验证准确率从 {first} 变为 {last}，"
    "最佳为第 {epoch:,} 轮后的 {best}。"
    "训练损失从 {train_first:.4f} 变为 {train_last:.4f}，"
    "验证损失从 {val_first:.4f} 变为 {val_last:.4f}。",
    epochs_table="各轮数据表",
    epochs_columns=("轮次", "训练损失", "训练准确率", "验证损失", "验证准确率", "学习率"),
    epochs_left_out="共 {epochs:,} 轮，显示 {shown:,} 轮；全部见 history.csv。",
    best_mark="最佳",
    confusion_alt="{n:,} 张{part}图像上 {classes:,} 个类别的混淆矩阵："
    "{correct:,} 张位于对角线上。{pair}",
    confused_caption="最常见的错误：{true} 被认成 {predicted}，共 {count:,} 次。",
    confused_columns=("真实类别", "被认成", "图像数", "占真实类别的比例"),
    no_mistakes="{n:,} 张图像中没有错误。",
    classes_alt="各类别精确率、召回率与 F1 值的条形图。{worst} 的 F1 值最低，为 {low:.4f}；"
    "{best} 最高，为 {high:.4f}。",
    classes_columns=("类别", "精确率", "召回率", "F1 值", "图像数"),
    classes_key="表现最差的类别排在最前。",
    calibration_value="期望校准误差：{error:.4f}，即置信度与准确率之间的平均差距。",
    calibration_over="平均而言，网络的置信度比准确率高 {points:.2f} 个百分点。",
    calibration_under="平均而言，网络的置信度比准确率低 {points:.2f} 个百分点。",
    calibration_alt="可靠性图：{bins} 个区间内准确率与置信度的关系，以及表示完全校准的对角线。"
    "平均置信度为 {confidence}，准确率为 {accuracy}。",
    worst_alt="{mistakes:,} 个错误答案中置信度最高的 {shown:,} 个，"
    "各附真实类别、网络给出的类别及其概率。{first}",
    pairs_alt="最易混淆的类别对的例子。{first}",
    mistakes_count="{n:,} 个答案中有 {mistakes:,} 个是错的。",
    tiles_lead="第一层的每个单元都看整幅图像；把它的权重画成图，就能看出它在寻找什么。最常用的单元排在前面。",
    change_lead="训练前后：初始权重是随机的，因此热图中的许多样子在学到任何东西之前就有；变化才是训练的作用。",
    maps_alt="{layers} 个层各自的权重热图，输入对输出；下表以数字说明。",
    tiles_alt="第一层中最常用的单元，各画成 {rows} × {columns} 个权重的图："
    "红色处明亮的像素支持该单元，蓝色处则反对。",
    before_after_alt="第 {layer} 层：初始权重、训练后的权重以及两者之差，使用同一色标。"
    "标准差从 {before:.4f} 变为 {after:.4f}。",
    before_after_title="第 {layer} 层",
    layers_columns=("层", "输入 × 输出", "训练前标准差", "训练后标准差", "最小值", "最大值"),
    settings_columns=("设置", "值", "默认配方", "含义"),
    settings_changed="与默认配方不同的设置",
    settings_unchanged="与默认配方完全相同。",
    settings_all="全部设置",
    meanings=_MEANINGS,
    processor="处理器",
    threads="线程数",
    build={
        "handstitch": "Handstitch",
        "numpy": "NumPy",
        "scipy": "SciPy",
        "numba": "numba",
        "blas": "BLAS",
        "machine": "机器类型",
        "step": "训练步",
    },
    command_train="重新训练同样的网络：",
    command_resume="继续本次运行：",
    command_test="在测试集上测量：",
    command_report="重新生成本页：",
    command_python="在 Python 中使用该网络：",
    scrollable="{what}，可左右滚动",
)
